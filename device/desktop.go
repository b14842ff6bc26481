package device

// isDesktop reports whether the agent is a computer with a full-size browser.
func (a *agent) isDesktop(platform string) bool {
	switch platform {
	case Windows, MacOS, ChromeOS:
		return true
	}
	return hasAnyOf(a.rest, desktopTokens)
}

var desktopTokens = []string{
	"x11", "linux x86_64", "linux i686", "linux i586", "linux ppc", "linux amd64", "ubuntu", "debian",
	"fedora", "gentoo", "suse", "red hat", "freebsd", "openbsd", "netbsd", "sunos", "beos", "haiku",
	"openvms", "os/2", "amigaos", "morphos", "risc os", "irix", "emacs", "konqueror", "akregator",
	"liferea", "w3m", "lynx/", "goggalaxy", "macbook", "newsbeuter", "links (", "elinks", "dillo",
	"electron/",
}

// isLaptop reports whether the model names a computer, whatever its system.
func (a *agent) isLaptop() bool {
	return a.model != "" && hasAnyOf(a.model, laptopModels)
}

// laptopModels name computers that run Android's apps or an Android port.
var laptopModels = []string{
	"chromebook", "inspiron", "vostro", "aspire ", "satellite", "thinkpad", "latitude", "probook",
	"elitebook", "compaq 6", "pavilion", "macbook", "swift sf", "travelmate", "pixelbook", "waydroid",
	"remix mini",
}
