package mover

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hikyaku/hikyaku/storage"
)

// S3Input describes a new S3 location.
type S3Input struct {
	// BucketARN is arn:PARTITION:s3:::BUCKET.
	BucketARN string
	// Subdirectory limits the location to keys below it; empty is the bucket.
	Subdirectory string
	// StorageClass of new objects; empty is STANDARD.
	StorageClass string
	// RoleARN is kept and returned. What the bucket is opened with is up to [OpenFunc].
	RoleARN   string
	AgentARNs []string
	Tags      map[string]string
}

// CreateLocationS3 makes a location after listing the bucket once.
func (s *Service) CreateLocationS3(ctx context.Context, in S3Input) (string, error) {
	if err := checkTags(in.Tags); err != nil {
		return "", err
	}
	bucket, err := bucketOf(in.BucketARN)
	if err != nil {
		return "", err
	}
	l := Location{
		Type: TypeS3, Bucket: bucket, BucketARN: in.BucketARN, StorageClass: in.StorageClass,
		RoleARN: in.RoleARN, AgentARNs: in.AgentARNs, Tags: in.Tags,
	}.clone()
	if l.StorageClass == "" {
		l.StorageClass = "STANDARD"
	}
	if err := checkStorageClass(l.StorageClass); err != nil {
		return "", err
	}
	if l.Prefix, err = prefixOf(in.Subdirectory); err != nil {
		return "", err
	}
	if err := s.newLocation(&l); err != nil {
		return "", err
	}
	if err := s.probe(ctx, l); err != nil {
		s.drivers.forget(l.ARN)
		return "", err
	}
	return l.ARN, s.putLocation(ctx, "create location", l)
}

// bucketOf returns the bucket's name.
func bucketOf(arn string) (string, error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) == 6 && (parts[2] == "s3-outposts" || strings.HasPrefix(parts[5], "accesspoint")) {
		return "", unsupported("S3BucketArn %s: access points and S3 on Outposts are not supported by this server; use a bucket's ARN.", arn)
	}
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "s3" || parts[5] == "" {
		return "", invalid("Invalid parameter: S3BucketArn %s is not a bucket's ARN.", arn)
	}
	return parts[5], nil
}

func checkStorageClass(class string) error {
	switch class {
	case "STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE", "GLACIER_INSTANT_RETRIEVAL":
		return nil
	case "OUTPOSTS":
		return unsupported("S3StorageClass OUTPOSTS is not supported by this server.")
	}
	return invalid("Invalid parameter: S3StorageClass %s.", class)
}

// prefixOf turns a Subdirectory into a key prefix.
func prefixOf(subdirectory string) (string, error) {
	p := strings.Trim(subdirectory, "/")
	if p == "" {
		return "", nil
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == "" || part == "." || part == ".." {
			return "", invalid("Invalid parameter: Subdirectory %s must not hold //, /./ or /../.", subdirectory)
		}
	}
	return p + "/", nil
}

// newLocation checks a location's agents and gives it an identity.
func (s *Service) newLocation(l *Location) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	for _, arn := range l.AgentARNs {
		if _, ok := s.agents[arn]; !ok {
			return notFound("Agent %s does not exist.", lastPart(arn))
		}
	}
	l.CreatedAt = s.opts.Now()
	l.ARN, err = s.mint.location()
	return err
}

// probe lists the location's bucket.
func (s *Service) probe(ctx context.Context, l Location) error {
	d, release, err := s.drivers.acquire(ctx, l)
	if err == nil {
		defer release()
		if p, ok := d.(storage.Prober); ok {
			err = p.Probe(ctx, false)
		}
	}
	if err != nil {
		return &Error{
			Kind: Invalid, Code: codeLocationAccess, Err: err,
			Message: "DataSync location access test failed: could not perform s3:ListObjectsV2 on bucket " + l.Bucket + ": " + err.Error(),
		}
	}
	return nil
}

// putLocation commits a new or changed location.
func (s *Service) putLocation(ctx context.Context, operation string, l Location) error {
	if err := s.commit(ctx, operation, Change{Locations: []Location{l}}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locations[l.ARN] = l
	return nil
}

// FileOptions are the settings of a folder location.
type FileOptions struct {
	Tags map[string]string
}

// EnsureFileLocation returns the ARN of the location for a folder of this
// machine, making the location if there is none yet. It is meant for paths
// that come from the operator's configuration; the folder need not exist.
func (s *Service) EnsureFileLocation(ctx context.Context, path string, options FileOptions) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", invalid("Folder %s has no absolute path: %v", path, err)
	}
	if err := checkTags(options.Tags); err != nil {
		return "", err
	}
	s.admin.Lock()
	defer s.admin.Unlock()
	s.mu.Lock()
	for arn, l := range s.locations {
		if l.Type == TypeFile && l.Path == abs {
			s.mu.Unlock()
			return arn, nil
		}
	}
	s.mu.Unlock()
	l := Location{Type: TypeFile, Path: abs, Tags: options.Tags}.clone()
	if err := s.newLocation(&l); err != nil {
		return "", err
	}
	return l.ARN, s.putLocation(ctx, "create location", l)
}

// Location returns a location of any type.
func (s *Service) Location(_ context.Context, arn string) (Location, error) { return s.location(arn) }

func (s *Service) location(arn string) (Location, error) {
	if err := s.mint.owned(arn); err != nil {
		return Location{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return Location{}, err
	}
	l, ok := s.locations[arn]
	if !ok {
		return Location{}, notFound("Location %s is not found.", lastPart(arn))
	}
	return l.clone(), nil
}

// DescribeLocation returns a location of the type given and refuses others.
func (s *Service) DescribeLocation(_ context.Context, arn string, want LocationType) (Location, error) {
	l, err := s.location(arn)
	switch {
	case err != nil:
		return Location{}, err
	case l.Type == want:
		return l, nil
	case l.Type == TypeFile:
		return Location{}, unsupported("Location %s is a folder from this server's configuration (%s); DataSync's API has no operation for it.", l.ID(), l.URI())
	}
	return Location{}, invalid("Location %s is of type %s, not %s.", l.ID(), l.Type, want)
}

// UpdateS3Input changes an S3 location; nil members stay as they are.
type UpdateS3Input struct {
	ARN                                 string
	Subdirectory, StorageClass, RoleARN *string
}

// UpdateLocationS3 changes an S3 location after listing the bucket once.
// Running executions go on with what they began with.
func (s *Service) UpdateLocationS3(ctx context.Context, in UpdateS3Input) error {
	s.admin.Lock()
	defer s.admin.Unlock()
	l, err := s.DescribeLocation(ctx, in.ARN, TypeS3)
	if err != nil {
		return err
	}
	if in.Subdirectory != nil {
		if l.Prefix, err = prefixOf(*in.Subdirectory); err != nil {
			return err
		}
	}
	if in.StorageClass != nil {
		if err := checkStorageClass(*in.StorageClass); err != nil {
			return err
		}
		l.StorageClass = *in.StorageClass
	}
	if in.RoleARN != nil {
		l.RoleARN = *in.RoleARN
	}
	trial := l // opened on its own, so that a refused update leaves the cached driver alone
	trial.ARN += "/trial"
	err = s.probe(ctx, trial)
	s.drivers.forget(trial.ARN)
	if err != nil {
		return err
	}
	l.Revision++
	return s.putLocation(ctx, "update location", l)
}

// DeleteLocation removes a location that no task uses.
func (s *Service) DeleteLocation(ctx context.Context, arn string) error {
	s.admin.Lock()
	defer s.admin.Unlock()
	l, err := s.location(arn)
	if err != nil {
		return err
	}
	s.mu.Lock()
	var users []string
	for _, ts := range s.tasks {
		if ts.task.SourceARN == arn || ts.task.DestinationARN == arn {
			users = append(users, lastPart(ts.task.ARN))
		}
	}
	s.mu.Unlock()
	if len(users) > 0 {
		slices.Sort(users)
		return conflict(codeInUse, "Location %s is in use by task(s) %s. Delete them first.", l.ID(), strings.Join(users[:min(len(users), 10)], ", "))
	}
	if err := s.commit(ctx, "delete location", Change{DeletedLocations: []string{arn}}); err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.locations, arn)
	s.mu.Unlock()
	s.drivers.forget(arn)
	return nil
}

// ListLocations returns locations in order of their ARNs. Filters:
// LocationUri, LocationType, CreationTime.
func (s *Service) ListLocations(_ context.Context, filters []ListFilter, page Page) ([]Location, string, error) {
	if err := checkFilters(filters, filterLocationURI, filterLocationType, filterCreationTime); err != nil {
		return nil, "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return nil, "", err
	}
	var found []Location
	for _, l := range s.locations {
		if !slices.ContainsFunc(filters, func(f ListFilter) bool { return !f.matchLocation(l) }) {
			found = append(found, l.clone())
		}
	}
	return cut(found, func(l Location) string { return l.ARN }, "locations", page)
}

func (f ListFilter) matchLocation(l Location) bool {
	switch f.Name {
	case filterCreationTime:
		return f.matchTime(l.CreatedAt)
	case filterLocationType:
		return f.matchText(string(l.Type))
	}
	return f.matchText(l.URI())
}
