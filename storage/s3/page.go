package s3

import (
	"bytes"
	"errors"
	"strconv"
	"time"
	"unicode/utf8"
)

// page is one page of a listing.
type page struct {
	items []item
	// next asks for the page that follows; empty on the last.
	next string
	// encoded: keys came in a form that can hold all of them.
	encoded bool
}

// item is one key of a page.
type item struct {
	key, etag, class string
	size             int64
	modTime          time.Time
}

var errPage = errors.New("listing is not understood")

// parsePage reads a ListObjectsV2 answer in one pass. It knows the part of XML
// that services write: elements, character and predefined entity references.
// Declarations that define anything, comments and CDATA are refused. All
// strings of a page share one piece of memory.
func parsePage(doc []byte) (*page, error) {
	s := pageScanner{
		doc:     doc,
		encoded: bytes.Contains(doc, []byte("<EncodingType>url</EncodingType>")),
		text:    make([]byte, 0, len(doc)/3),
		marks:   make([]marks, 0, bytes.Count(doc, []byte("<Contents>"))),
	}
	if err := s.scan(); err != nil {
		return nil, err
	}
	return s.page()
}

// marks are the positions of an item's strings in pageScanner.text.
type marks struct {
	key, etag, class [2]int
	size             int64
	modTime          time.Time
	hasKey           bool
}

type pageScanner struct {
	doc     []byte
	pos     int
	encoded bool
	text    []byte
	marks   []marks
	path    [8][]byte // names of the open elements
	depth   int
	rooted  bool

	truncated bool
	next      [2]int
}

// scan goes from tag to tag.
func (s *pageScanner) scan() error {
	for {
		text, ok := s.until('<')
		if !ok {
			break
		}
		tag, ok := s.until('>')
		if !ok || len(tag) == 0 {
			return errPage
		}
		switch tag[0] {
		case '?':
		case '!':
			return errPage
		case '/':
			if err := s.end(bytes.TrimRight(tag[1:], " \t\r\n"), text); err != nil {
				return err
			}
		default:
			if err := s.start(tag); err != nil {
				return err
			}
		}
	}
	if s.depth != 0 || !s.rooted {
		return errPage
	}
	return nil
}

// until returns what lies before the next c, and steps over c.
func (s *pageScanner) until(c byte) ([]byte, bool) {
	i := bytes.IndexByte(s.doc[s.pos:], c)
	if i < 0 {
		return nil, false
	}
	part := s.doc[s.pos : s.pos+i]
	s.pos += i + 1
	return part, true
}

func (s *pageScanner) start(tag []byte) error {
	closed := tag[len(tag)-1] == '/'
	name := tag
	if closed {
		name = tag[:len(tag)-1]
	}
	if i := bytes.IndexAny(name, " \t\r\n"); i >= 0 {
		name = name[:i]
	}
	if s.depth == len(s.path) || (s.depth == 0 && (s.rooted || string(name) != "ListBucketResult")) {
		return errPage
	}
	s.rooted = true
	s.path[s.depth] = name
	s.depth++
	if s.depth == 2 && string(name) == "Contents" {
		s.marks = append(s.marks, marks{})
	}
	if closed {
		return s.end(name, nil)
	}
	return nil
}

// end takes the text of an element that has no others inside.
func (s *pageScanner) end(name, text []byte) error {
	if s.depth == 0 || !bytes.Equal(s.path[s.depth-1], name) {
		return errPage
	}
	s.depth--
	switch {
	case s.depth == 1:
		return s.resultField(name, text)
	case s.depth == 2 && string(s.path[1]) == "Contents":
		return s.itemField(&s.marks[len(s.marks)-1], name, text)
	}
	return nil
}

func (s *pageScanner) resultField(name, text []byte) (err error) {
	switch string(name) {
	case "IsTruncated":
		s.truncated = string(text) == "true"
	case "NextContinuationToken":
		s.next, err = s.unescape(text, false)
	case "Contents":
		if !s.marks[len(s.marks)-1].hasKey {
			return errPage
		}
	}
	return err
}

func (s *pageScanner) itemField(m *marks, name, text []byte) (err error) {
	switch string(name) {
	case "Key":
		m.hasKey = true
		m.key, err = s.unescape(text, s.encoded)
	case "ETag":
		m.etag, err = s.unescape(text, false)
	case "StorageClass":
		m.class, err = s.unescape(text, false)
	case "Size":
		m.size, err = strconv.ParseInt(string(text), 10, 64)
		if m.size < 0 {
			return errPage
		}
	case "LastModified":
		m.modTime, err = parseTime(text)
	}
	return err
}

// page builds the result, with all strings taken from one.
func (s *pageScanner) page() (*page, error) {
	all := string(s.text)
	cut := func(m [2]int) string { return all[m[0]:m[1]] }
	p := &page{items: make([]item, len(s.marks)), encoded: s.encoded}
	for i := range s.marks {
		m := &s.marks[i]
		p.items[i] = item{key: cut(m.key), etag: cut(m.etag), class: cut(m.class), size: m.size, modTime: m.modTime}
	}
	if s.truncated {
		if p.next = cut(s.next); p.next == "" {
			return nil, errPage
		}
	}
	return p, nil
}

// unescape appends text to s.text without XML's escapes and, with encoded,
// those of URLs, each taken back exactly once.
func (s *pageScanner) unescape(text []byte, encoded bool) ([2]int, error) {
	start := len(s.text)
	for i := 0; i < len(text); {
		if text[i] != '&' {
			s.text = append(s.text, text[i])
			i++
			continue
		}
		end := bytes.IndexByte(text[i:], ';')
		if end < 0 {
			return [2]int{}, errPage
		}
		var ok bool
		if s.text, ok = appendReference(s.text, text[i+1:i+end]); !ok {
			return [2]int{}, errPage
		}
		i += end + 1
	}
	if encoded {
		n, ok := unescapeURL(s.text[start:])
		if !ok {
			return [2]int{}, errPage
		}
		s.text = s.text[:start+n]
	}
	return [2]int{start, len(s.text)}, nil
}

// appendReference appends what the reference between "&" and ";" stands for.
func appendReference(b, ref []byte) ([]byte, bool) {
	switch string(ref) {
	case "amp":
		return append(b, '&'), true
	case "lt":
		return append(b, '<'), true
	case "gt":
		return append(b, '>'), true
	case "quot":
		return append(b, '"'), true
	case "apos":
		return append(b, '\''), true
	}
	if len(ref) < 2 || ref[0] != '#' {
		return b, false
	}
	base, digits := 10, ref[1:]
	if digits[0] == 'x' {
		base, digits = 16, digits[1:]
	}
	n, err := strconv.ParseUint(string(digits), base, 32)
	if err != nil || n > utf8.MaxRune {
		return b, false
	}
	return utf8.AppendRune(b, rune(n)), true
}

// unescapeURL takes back %XX and "+" in place and returns the new length.
func unescapeURL(b []byte) (int, bool) {
	n := 0
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			if i+2 >= len(b) {
				return 0, false
			}
			hi, lo := unhex(b[i+1]), unhex(b[i+2])
			if hi > 15 || lo > 15 {
				return 0, false
			}
			c = hi<<4 | lo
			i += 2
		}
		b[n] = c
		n++
	}
	return n, true
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// parseTime reads RFC 3339; the form that services use without allocating.
func parseTime(b []byte) (time.Time, error) {
	digits := func(from, to int) int {
		n := 0
		for _, c := range b[from:to] {
			if c < '0' || c > '9' {
				return -1 << 30
			}
			n = n*10 + int(c-'0')
		}
		return n
	}
	if len(b) == len("2006-01-02T15:04:05.000Z") && b[4] == '-' && b[7] == '-' && b[10] == 'T' && b[13] == ':' && b[16] == ':' && b[19] == '.' && b[23] == 'Z' {
		y, mo, d := digits(0, 4), digits(5, 7), digits(8, 10)
		h, mi, sec, ms := digits(11, 13), digits(14, 16), digits(17, 19), digits(20, 23)
		if y >= 0 && mo >= 1 && mo <= 12 && d >= 1 && d <= 28 && h >= 0 && h < 24 && mi >= 0 && mi < 60 && sec >= 0 && sec < 60 && ms >= 0 {
			return time.Date(y, time.Month(mo), d, h, mi, sec, ms*1e6, time.UTC), nil
		}
	}
	return time.Parse(time.RFC3339Nano, string(b))
}
