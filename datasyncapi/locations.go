package datasyncapi

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hikyaku/hikyaku/mover"
)

const (
	subdirectoryMax = 4096
	secretMax       = 200
	certificateMax  = 32768
)

type s3Config struct {
	BucketAccessRoleARN string `json:"BucketAccessRoleArn"`
}

func storageClasses() []string {
	return []string{
		"STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE", "OUTPOSTS", "GLACIER_INSTANT_RETRIEVAL",
	}
}

type createLocationS3Input struct {
	Subdirectory   string    `json:"Subdirectory"`
	S3BucketARN    string    `json:"S3BucketArn"`
	S3StorageClass string    `json:"S3StorageClass"`
	S3Config       *s3Config `json:"S3Config"`
	AgentARNs      []string  `json:"AgentArns"`
	Tags           []tag     `json:"Tags"`
}

func (in *createLocationS3Input) check(c *checker) {
	c.must("S3BucketArn", in.S3BucketARN, 268, c.rules.bucketARN)
	if in.S3Config == nil {
		c.fail("S3Config is required.")
		return
	}
	c.must("S3Config.BucketAccessRoleArn", in.S3Config.BucketAccessRoleARN, 2048, c.rules.roleARN)
	c.text("Subdirectory", in.Subdirectory, subdirectoryMax, c.rules.subdirectory)
	c.oneOf("S3StorageClass", in.S3StorageClass, storageClasses()...)
	c.agents(in.AgentARNs)
	c.tags(in.Tags)
}

func (a *api) createLocationS3(ctx context.Context, in *createLocationS3Input) (any, error) {
	arn, err := a.mover.CreateLocationS3(ctx, mover.S3Input{
		BucketARN: in.S3BucketARN, Subdirectory: in.Subdirectory, StorageClass: in.S3StorageClass,
		RoleARN: in.S3Config.BucketAccessRoleARN, AgentARNs: in.AgentARNs, Tags: tagMap(in.Tags),
	})
	return locationReply{arn}, err
}

type describeLocationS3Reply struct {
	LocationARN    string    `json:"LocationArn"`
	LocationURI    string    `json:"LocationUri"`
	S3StorageClass string    `json:"S3StorageClass"`
	S3Config       s3Config  `json:"S3Config"`
	AgentARNs      []string  `json:"AgentArns"`
	CreationTime   time.Time `json:"CreationTime"`
}

func (a *api) describeLocationS3(ctx context.Context, in *locationInput) (any, error) {
	l, err := a.mover.DescribeLocation(ctx, in.LocationARN, mover.TypeS3)
	return describeLocationS3Reply{
		LocationARN: l.ARN, LocationURI: l.URI(), S3StorageClass: l.StorageClass, S3Config: s3Config{l.RoleARN},
		AgentARNs: l.AgentARNs, CreationTime: l.CreatedAt,
	}, err
}

type updateLocationS3Input struct {
	LocationARN    string    `json:"LocationArn"`
	Subdirectory   *string   `json:"Subdirectory"`
	S3StorageClass *string   `json:"S3StorageClass"`
	S3Config       *s3Config `json:"S3Config"`
}

func (in *updateLocationS3Input) check(c *checker) {
	c.location(in.LocationARN)
	c.optional("Subdirectory", in.Subdirectory, subdirectoryMax, c.rules.subdirectory)
	if in.S3StorageClass != nil {
		c.oneOf("S3StorageClass", *in.S3StorageClass, storageClasses()...)
	}
	if in.S3Config != nil {
		c.must("S3Config.BucketAccessRoleArn", in.S3Config.BucketAccessRoleARN, 2048, c.rules.roleARN)
	}
}

func (a *api) updateLocationS3(ctx context.Context, in *updateLocationS3Input) (any, error) {
	u := mover.UpdateS3Input{ARN: in.LocationARN, Subdirectory: in.Subdirectory, StorageClass: in.S3StorageClass}
	if in.S3Config != nil {
		u.RoleARN = &in.S3Config.BucketAccessRoleARN
	}
	return empty{}, a.mover.UpdateLocationS3(ctx, u)
}

type createLocationObjectStorageInput struct {
	ServerHostname     string          `json:"ServerHostname"`
	ServerPort         *int            `json:"ServerPort"`
	ServerProtocol     string          `json:"ServerProtocol"`
	Subdirectory       string          `json:"Subdirectory"`
	BucketName         string          `json:"BucketName"`
	AccessKey          string          `json:"AccessKey"`
	SecretKey          string          `json:"SecretKey"`
	AgentARNs          []string        `json:"AgentArns"`
	Tags               []tag           `json:"Tags"`
	ServerCertificate  []byte          `json:"ServerCertificate"`
	CmkSecretConfig    json.RawMessage `json:"CmkSecretConfig"`
	CustomSecretConfig json.RawMessage `json:"CustomSecretConfig"`
}

func (in *createLocationObjectStorageInput) check(c *checker) {
	c.must("ServerHostname", in.ServerHostname, 255, c.rules.hostname)
	c.must("BucketName", in.BucketName, 63, c.rules.bucket)
	if len(in.BucketName) < 3 {
		c.fail("BucketName must have 3 to 63 characters.")
	}
	c.port(in.ServerPort)
	c.oneOf("ServerProtocol", in.ServerProtocol, "HTTPS", "HTTP")
	c.text("Subdirectory", in.Subdirectory, subdirectoryMax, c.rules.subdirectory)
	c.text("AccessKey", in.AccessKey, secretMax, nil)
	c.secret(&in.SecretKey)
	c.certificate(in.ServerCertificate)
	c.absent("CmkSecretConfig", in.CmkSecretConfig)
	c.absent("CustomSecretConfig", in.CustomSecretConfig)
	c.agents(in.AgentARNs)
	c.tags(in.Tags)
}

func (c *checker) port(port *int) {
	if port != nil && (*port < 1 || *port > 65535) {
		c.fail("ServerPort %d must be between 1 and 65535.", *port)
	}
}

// secret checks without quoting the value.
func (c *checker) secret(s *string) {
	if s != nil && len(*s) > secretMax {
		c.fail("SecretKey is longer than %d characters.", secretMax)
	}
}

func (c *checker) certificate(pem []byte) {
	if len(pem) > certificateMax {
		c.fail("ServerCertificate has %d bytes, at most %d are allowed.", len(pem), certificateMax)
	}
}

func (a *api) createLocationObjectStorage(ctx context.Context, in *createLocationObjectStorageInput) (any, error) {
	l := mover.ObjectStorageInput{
		Server: in.ServerHostname, Protocol: in.ServerProtocol, Bucket: in.BucketName, Subdirectory: in.Subdirectory,
		AccessKey: in.AccessKey, SecretKey: mover.NewSecret(in.SecretKey), Certificate: in.ServerCertificate,
		AgentARNs: in.AgentARNs, Tags: tagMap(in.Tags),
	}
	if in.ServerPort != nil {
		l.Port = *in.ServerPort
	}
	arn, err := a.mover.CreateLocationObjectStorage(ctx, l)
	return locationReply{arn}, err
}

type describeLocationObjectStorageReply struct {
	LocationARN       string    `json:"LocationArn"`
	LocationURI       string    `json:"LocationUri"`
	AccessKey         string    `json:"AccessKey"`
	ServerPort        int       `json:"ServerPort"`
	ServerProtocol    string    `json:"ServerProtocol"`
	AgentARNs         []string  `json:"AgentArns"`
	CreationTime      time.Time `json:"CreationTime"`
	ServerCertificate []byte    `json:"ServerCertificate"`
}

func (a *api) describeLocationObjectStorage(ctx context.Context, in *locationInput) (any, error) {
	l, err := a.mover.DescribeLocation(ctx, in.LocationARN, mover.TypeObjectStorage)
	return describeLocationObjectStorageReply{
		LocationARN: l.ARN, LocationURI: l.URI(), AccessKey: l.AccessKey, ServerPort: l.Port, ServerProtocol: l.Protocol,
		AgentARNs: l.AgentARNs, CreationTime: l.CreatedAt, ServerCertificate: l.Certificate,
	}, err
}

type updateLocationObjectStorageInput struct {
	LocationARN        string          `json:"LocationArn"`
	ServerHostname     *string         `json:"ServerHostname"`
	ServerPort         *int            `json:"ServerPort"`
	ServerProtocol     *string         `json:"ServerProtocol"`
	Subdirectory       *string         `json:"Subdirectory"`
	AccessKey          *string         `json:"AccessKey"`
	SecretKey          *string         `json:"SecretKey"`
	AgentARNs          []string        `json:"AgentArns"`
	ServerCertificate  []byte          `json:"ServerCertificate"`
	CmkSecretConfig    json.RawMessage `json:"CmkSecretConfig"`
	CustomSecretConfig json.RawMessage `json:"CustomSecretConfig"`
}

func (in *updateLocationObjectStorageInput) check(c *checker) {
	c.location(in.LocationARN)
	if in.ServerHostname != nil {
		c.must("ServerHostname", *in.ServerHostname, 255, c.rules.hostname)
	}
	c.port(in.ServerPort)
	if in.ServerProtocol != nil {
		c.must("ServerProtocol", *in.ServerProtocol, 5, nil)
		c.oneOf("ServerProtocol", *in.ServerProtocol, "HTTPS", "HTTP")
	}
	c.optional("Subdirectory", in.Subdirectory, subdirectoryMax, c.rules.subdirectory)
	c.optional("AccessKey", in.AccessKey, secretMax, nil)
	c.secret(in.SecretKey)
	c.certificate(in.ServerCertificate)
	c.absent("CmkSecretConfig", in.CmkSecretConfig)
	c.absent("CustomSecretConfig", in.CustomSecretConfig)
	c.agents(in.AgentARNs)
}

func (a *api) updateLocationObjectStorage(ctx context.Context, in *updateLocationObjectStorageInput) (any, error) {
	u := mover.UpdateObjectStorageInput{
		ARN: in.LocationARN, Server: in.ServerHostname, Protocol: in.ServerProtocol, Subdirectory: in.Subdirectory,
		AccessKey: in.AccessKey, Port: in.ServerPort, Certificate: in.ServerCertificate, AgentARNs: in.AgentARNs,
	}
	if in.SecretKey != nil {
		u.SecretKey = new(mover.NewSecret(*in.SecretKey))
	}
	return empty{}, a.mover.UpdateLocationObjectStorage(ctx, u)
}

func (a *api) deleteLocation(ctx context.Context, in *locationInput) (any, error) {
	return empty{}, a.mover.DeleteLocation(ctx, in.LocationARN)
}

type listInput struct {
	paging
	Filters []listFilter `json:"Filters"`
}

func (in *listInput) check(c *checker) {
	c.paging(in.paging)
	c.listFilters(in.Filters)
}

type locationEntry struct {
	LocationARN string `json:"LocationArn"`
	LocationURI string `json:"LocationUri"`
}

type listLocationsReply struct {
	Locations []locationEntry `json:"Locations"`
	NextToken string          `json:"NextToken"`
}

func (a *api) listLocations(ctx context.Context, in *listInput) (any, error) {
	found, next, err := a.mover.ListLocations(ctx, listFilters(in.Filters), in.page())
	reply := listLocationsReply{Locations: make([]locationEntry, len(found)), NextToken: next}
	for i, l := range found {
		reply.Locations[i] = locationEntry{l.ARN, l.URI()}
	}
	return reply, err
}
