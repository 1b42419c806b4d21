package console

import "github.com/hikyaku/hikyaku"

// FailureTitle says in words what went wrong: what was recorded, and in
// Japanese the catalogue's title before it.
func FailureTitle(f *hikyaku.Failure, l Lang) string {
	if f == nil {
		return ""
	}
	said := f.Message
	if said == "" {
		said = f.Detail
	}
	e, known := hikyaku.Lookup(f.Code)
	switch {
	case said == "" && known:
		return e.Text(string(l)).Title
	case said == "":
		return f.Code
	case l != LangJapanese || !known:
		return said
	case said == e.English.Title:
		return e.Japanese.Title
	}
	return e.Japanese.Title + " (" + said + ")"
}

// Remedy says what to do about a failure; empty when nothing is known.
func Remedy(f *hikyaku.Failure, l Lang) string {
	if f == nil {
		return ""
	}
	if e, known := hikyaku.Lookup(f.Code); known && (l == LangJapanese || f.Remedy == "") {
		return e.Text(string(l)).Remedy
	}
	return f.Remedy
}

// retryable reports whether the transfer was tried again after such a failure.
func retryable(f *hikyaku.Failure) bool {
	if f == nil {
		return false
	}
	e, known := hikyaku.Lookup(f.Code)
	return known && e.Retryable
}
