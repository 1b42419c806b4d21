package local

import "strings"

// platformReason refuses what Windows cannot store or would understand as a
// device, a stream or another name.
func platformReason(name string) string {
	for i := range len(name) {
		if c := name[i]; c < 0x20 || strings.IndexByte(`<>:"\|?*`, c) >= 0 {
			return "character that Windows does not allow"
		}
	}
	if last := name[len(name)-1]; last == ' ' || last == '.' {
		return "name ends in a space or dot"
	}
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return "name reserved by Windows"
	}
	for _, device := range []string{"COM", "LPT"} {
		if digit, ok := strings.CutPrefix(base, device); ok && isDeviceDigit(digit) {
			return "name reserved by Windows"
		}
	}
	return ""
}

func isDeviceDigit(s string) bool {
	switch s {
	case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³":
		return true
	}
	return false
}
