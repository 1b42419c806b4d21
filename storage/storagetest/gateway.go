package storagetest

import "github.com/hikyaku/hikyaku/storage/s3/s3test"

// Gateway is [s3test.Gateway]. New tests take it from there, so that their
// package does not link the service with everything else of storagetest.
type Gateway = s3test.Gateway

// StartGateway is [s3test.StartGateway].
func StartGateway(folder string) (*Gateway, error) { return s3test.StartGateway(folder) }
