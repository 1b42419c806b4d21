// Package s3 is the storage driver for S3 and what speaks its protocol.
//
// It has its own thin request path: net/http, many kept-alive HTTP/1.1
// connections, SigV4, hand-scanned listings. Bodies are sent as
// UNSIGNED-PAYLOAD: a CRC64NVME (or CRC32C) in a header or trailer guards them
// end to end and is checked by the store.
//
// A file of up to one part is held in memory until Finish, which stores it
// with one PUT; larger ones are multipart uploads, streamed. Both show under
// their final name whole or not at all, but at Finish, before the engine has
// read them back: a PUT is S3's only rename. Publish does nothing, Discard
// after Finish deletes, and closing a stage deletes no object.
//
// Not guaranteed: that uploads of a process that was killed are aborted; S3
// cannot tell whose they are. A bucket's lifecycle rule does that. Storage
// classes, ACLs, encryption settings and versions are the bucket's own
// affair.
package s3
