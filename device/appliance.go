package device

// isAppliance reports whether the agent is a device that is none of the usual kinds:
// console, watch, headset, car, camera, speaker, smart display or board computer.
func (a *agent) isAppliance() bool {
	return hasAnyOf(a.ua, applianceTokens) || hasAnyWord(a.ua, applianceWords) ||
		a.model != "" && (hasAnyPrefix(a.model, applianceModels) || hasWord(a.model, "watch"))
}

var applianceTokens = []string{
	// Consoles.
	"playstation", "psp (", "nintendo", "ouya", "steamdeck", "gamepad", "retroid", "steam deck",
	"valve steam gamepad", ";ps4;", ";ps5;",
	// Watches and headsets.
	"watchos", "watch os", "apple watch", "ticwatch", "pixel watch", "galaxy watch", "gear live",
	"smartwatch", "oculus", "mobile vr", "pico neo", "pico g2", "pico 4", "picobrowser", "wolvic",
	"vive focus", "hololens", "zenwatch", "moto 360", "oneplus watch",
	// Cars.
	"qtcarbrowser", "tesla/", "android auto/", "carpad", "carplay", "android automotive", "quad-core",
	"quadcore-", "octa-core", "octopus-core", "ultraocta",
	// Speakers, displays, boards, printers.
	"homepod", "sonos", "alexamediaplayer", "echo show", "raspberry", "orangepi", "orange pi", "odroid",
	"pine a64", "tinker board", "projector", "miproj", "ricoh_", "pay terminal", "windows iot",
	"portalgo", "mobiprint", "inmate kiosk",
}

var applianceWords = []string{"xbox", "wii", "quest 2", "quest 3", "quest 3s", "quest pro"}

// applianceModels are prefixes of Android models: Samsung's watches and cameras,
// Amazon's Echo, other makers' watches, head units and boards.
var applianceModels = []string{
	"sm-r7", "sm-r8", "sm-r9", "sm-l3", "sm-l5", "sm-l7", "ek-gc", "ek-gn", "aeo", "lem1", "lem4",
	"lem5", "lem6", "lem7", "lem8", "lem9", "ow19w", "ow20w", "ow21w", "thor pro", "thor 4", "thor 5",
	"thor 6", "yt5760", "yt7", "yt9", "sda-", "f9212", "aivi", "benz_", "bmw_", "hce", "mogo", "opwwe",
	"leo-bx", "leo-dl", "mpc-", "switch", "rg40", "rg50", "rg55", "rg35", "ct40", "ct45", "ct50", "ct60",
	"cn75", "cn80", "idata", "ifp", "xdh-", "audi_", "kidphone",
}
