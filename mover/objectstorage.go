package mover

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"slices"
)

// ObjectStorageInput describes a new location on an S3-compatible server.
type ObjectStorageInput struct {
	// Server is a host name or address without a port.
	Server string
	// Port 0 means 443 (HTTPS) or 80 (HTTP).
	Port int
	// Protocol is HTTPS (also when empty) or HTTP.
	Protocol     string
	Bucket       string
	Subdirectory string
	AccessKey    string
	SecretKey    Secret
	// Certificate is a PEM chain to trust; HTTPS only.
	Certificate []byte
	AgentARNs   []string
	Tags        map[string]string
}

const (
	protocolHTTPS = "HTTPS"
	protocolHTTP  = "HTTP"
)

func defaultPort(protocol string) int {
	if protocol == protocolHTTP {
		return 80
	}
	return 443
}

// CreateLocationObjectStorage makes a location. The server is not contacted;
// its address must be allowed by [Config].Endpoints.
func (s *Service) CreateLocationObjectStorage(ctx context.Context, in ObjectStorageInput) (string, error) {
	if err := checkTags(in.Tags); err != nil {
		return "", err
	}
	l := Location{
		Type: TypeObjectStorage, Server: in.Server, Port: in.Port, Protocol: in.Protocol, Bucket: in.Bucket,
		AccessKey: in.AccessKey, SecretKey: in.SecretKey, Certificate: in.Certificate, AgentARNs: in.AgentARNs, Tags: in.Tags,
	}.clone()
	if l.Protocol == "" {
		l.Protocol = protocolHTTPS
	}
	if l.Port == 0 {
		l.Port = defaultPort(l.Protocol)
	}
	var err error
	if l.Prefix, err = prefixOf(in.Subdirectory); err != nil {
		return "", err
	}
	if err := s.checkObjectStorage(ctx, l); err != nil {
		return "", err
	}
	if err := s.newLocation(&l); err != nil {
		return "", err
	}
	return l.ARN, s.putLocation(ctx, "create location", l)
}

func (s *Service) checkObjectStorage(ctx context.Context, l Location) error {
	if l.Protocol != protocolHTTPS && l.Protocol != protocolHTTP {
		return invalid("Invalid parameter: ServerProtocol %s must be HTTPS or HTTP.", l.Protocol)
	}
	if l.Port < 1 || l.Port > 65535 {
		return invalid("Invalid parameter: ServerPort %d.", l.Port)
	}
	if (l.AccessKey == "") != l.SecretKey.IsZero() {
		return invalid("AccessKey and SecretKey must be given together.")
	}
	if len(l.Certificate) > 0 {
		if l.Protocol != protocolHTTPS {
			return invalid("ServerCertificate can be used with ServerProtocol HTTPS only.")
		}
		if err := checkCertificate(l.Certificate); err != nil {
			return err
		}
	}
	return s.opts.Endpoints.checkHost(ctx, l.Server)
}

func checkCertificate(chain []byte) error {
	for n := 0; ; n++ {
		block, rest := pem.Decode(chain)
		if block == nil {
			if n == 0 {
				return invalid("ServerCertificate holds no PEM certificate.")
			}
			return nil
		}
		if _, err := x509.ParseCertificate(block.Bytes); block.Type != "CERTIFICATE" || err != nil {
			return invalid("ServerCertificate holds something that is not a certificate.")
		}
		chain = rest
	}
}

// UpdateObjectStorageInput changes a location; nil members stay as they are.
type UpdateObjectStorageInput struct {
	ARN                                       string
	Server, Protocol, Subdirectory, AccessKey *string
	Port                                      *int
	SecretKey                                 *Secret
	// Certificate empty (not nil) removes it.
	Certificate []byte
	// AgentARNs, if given, must be those the location has: they cannot change.
	AgentARNs []string
}

// UpdateLocationObjectStorage changes a location. Running executions go on
// with what they began with.
func (s *Service) UpdateLocationObjectStorage(ctx context.Context, in UpdateObjectStorageInput) error {
	s.admin.Lock()
	defer s.admin.Unlock()
	l, err := s.DescribeLocation(ctx, in.ARN, TypeObjectStorage)
	if err != nil {
		return err
	}
	if in.AgentARNs != nil && !slices.Equal(slices.Sorted(slices.Values(in.AgentARNs)), slices.Sorted(slices.Values(l.AgentARNs))) {
		return invalid("The agents of an object storage location cannot be changed.")
	}
	if in.Protocol != nil && *in.Protocol != l.Protocol {
		if l.Port == defaultPort(l.Protocol) {
			l.Port = defaultPort(*in.Protocol)
		}
		l.Protocol = *in.Protocol
	}
	if in.Port != nil {
		l.Port = *in.Port
	}
	if in.Server != nil {
		l.Server = *in.Server
	}
	if in.AccessKey != nil {
		l.AccessKey = *in.AccessKey
	}
	if in.SecretKey != nil {
		l.SecretKey = *in.SecretKey
	}
	if in.Certificate != nil {
		l.Certificate = in.Certificate
	}
	if in.Subdirectory != nil {
		if l.Prefix, err = prefixOf(*in.Subdirectory); err != nil {
			return err
		}
	}
	if err := s.checkObjectStorage(ctx, l); err != nil {
		return err
	}
	l.Revision++
	return s.putLocation(ctx, "update location", l)
}
