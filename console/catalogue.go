package console

import "github.com/hikyaku/hikyaku"

// FailureTitle says in words what went wrong.
func FailureTitle(f *hikyaku.Failure, _ Lang) string {
	switch {
	case f == nil:
		return ""
	case f.Message != "":
		return f.Message
	case f.Detail != "":
		return f.Detail
	}
	return f.Code
}

// Remedy says what to do about a failure; empty when nothing is known.
func Remedy(f *hikyaku.Failure, _ Lang) string {
	if f == nil {
		return ""
	}
	return f.Remedy
}
