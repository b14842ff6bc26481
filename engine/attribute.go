package engine

// Attribute names a property of a request that segment rules may test.
type Attribute uint8

// The attributes, all known when an authorization request arrives.
const (
	ClientID Attribute = iota
	Connection
	ConnectionType
	OrganizationID
	Domain
	DeviceType
	Browser
	Platform
	UserAgent
	Country
	Region
	attributeCount
)

var attributeNames = [attributeCount]string{
	"client_id", "connection", "connection_type", "organization_id", "domain",
	"device_type", "browser", "platform", "user_agent", "country", "region",
}

// Attributes holds the value of each attribute; an empty value is an absent
// attribute.
type Attributes [attributeCount]string

// String gives the attribute's name in JSON.
func (a Attribute) String() string { return attributeNames[a] }

// MarshalText lets maps keyed by attribute be written as JSON.
func (a Attribute) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// ParseAttribute gives the attribute of a name.
func ParseAttribute(name string) (Attribute, bool) {
	for a, known := range attributeNames {
		if name == known {
			return Attribute(a), true
		}
	}
	return 0, false
}
