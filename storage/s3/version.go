package s3

import (
	"context"
	"net/http"
)

// Version asks for the version ID of an object; a bucket without versioning
// tells none.
func (d *Driver) Version(ctx context.Context, path string) (string, error) {
	key, err := d.key("read version of", path, false)
	if err != nil {
		return "", err
	}
	h, err := d.discard(ctx, request{method: http.MethodHead, key: key})
	if err != nil {
		return "", pathError("read version of", path, err)
	}
	return h.Get("X-Amz-Version-Id"), nil
}
