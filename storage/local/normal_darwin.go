package local

import "golang.org/x/text/unicode/norm"

// normalizes: APFS and HFS+ find a name by any of its Unicode normal forms.
// A share mounted here may not; names it would hold apart are refused then.
const normalizes = true

// Normal implements [storage.Normalizer].
func (*Driver) Normal(name string) string { return norm.NFC.String(name) }
