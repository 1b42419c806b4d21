package datasyncapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/datasync"
	"github.com/aws/aws-sdk-go-v2/service/datasync/types"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
)

func TestServer_LocationS3(t *testing.T) {
	t.Parallel()
	c := client(t, movertest.Start(t, mover.Config{}))
	agents := must[*datasync.ListAgentsOutput](t)(c.ListAgents(t.Context(), &datasync.ListAgentsInput{}))
	agent := aws.ToString(agents.Agents[0].AgentArn)
	arn := must[*datasync.CreateLocationS3Output](t)(c.CreateLocationS3(t.Context(), &datasync.CreateLocationS3Input{
		S3BucketArn: aws.String("arn:aws:s3:::bucket"), S3Config: &types.S3Config{BucketAccessRoleArn: aws.String(roleARN)},
		S3StorageClass: types.S3StorageClassStandardIa, AgentArns: []string{agent},
		Tags: []types.TagListEntry{{Key: aws.String("k"), Value: aws.String("")}},
	})).LocationArn
	d := must[*datasync.DescribeLocationS3Output](t)(c.DescribeLocationS3(t.Context(), &datasync.DescribeLocationS3Input{LocationArn: arn}))
	if *d.LocationArn != *arn || *d.LocationUri != "s3://bucket/" || d.S3StorageClass != types.S3StorageClassStandardIa ||
		*d.S3Config.BucketAccessRoleArn != roleARN || !slices.Equal(d.AgentArns, []string{agent}) || d.CreationTime == nil {
		t.Errorf("location = %+v", d)
	}
	must[*datasync.UpdateLocationS3Output](t)(c.UpdateLocationS3(t.Context(), &datasync.UpdateLocationS3Input{
		LocationArn: arn, Subdirectory: aws.String("p/q"), S3StorageClass: types.S3StorageClassStandard,
	}))
	list := must[*datasync.ListLocationsOutput](t)(c.ListLocations(t.Context(), &datasync.ListLocationsInput{Filters: []types.LocationFilter{
		{Name: types.LocationFilterNameLocationUri, Operator: types.OperatorEq, Values: []string{"s3://bucket/p/q/"}},
	}}))
	if len(list.Locations) != 1 || *list.Locations[0].LocationArn != *arn || *list.Locations[0].LocationUri != "s3://bucket/p/q/" {
		t.Errorf("locations = %+v", list.Locations)
	}
	tags := must[*datasync.ListTagsForResourceOutput](t)(c.ListTagsForResource(t.Context(), &datasync.ListTagsForResourceInput{ResourceArn: arn}))
	if len(tags.Tags) != 1 || tags.Tags[0].Value == nil || *tags.Tags[0].Value != "" {
		t.Errorf("tags = %+v", tags.Tags)
	}
	must[*datasync.DeleteLocationOutput](t)(c.DeleteLocation(t.Context(), &datasync.DeleteLocationInput{LocationArn: arn}))
	_, err := c.DescribeLocationS3(t.Context(), &datasync.DescribeLocationS3Input{LocationArn: arn})
	refused(t, err, "not found")
	_, err = c.CreateLocationS3(t.Context(), &datasync.CreateLocationS3Input{
		S3BucketArn: aws.String("arn:aws:s3:::missing"), S3Config: &types.S3Config{BucketAccessRoleArn: aws.String(roleARN)},
	})
	refused(t, err, "DataSync location access test failed: could not perform s3:ListObjectsV2 on bucket missing")
}

func TestServer_LocationObjectStorage(t *testing.T) {
	t.Parallel()
	c := client(t, movertest.Start(t, mover.Config{}))
	arn := must[*datasync.CreateLocationObjectStorageOutput](t)(c.CreateLocationObjectStorage(t.Context(), &datasync.CreateLocationObjectStorageInput{
		ServerHostname: aws.String("minio.example.com"), ServerPort: aws.Int32(9000), ServerProtocol: types.ObjectStorageServerProtocolHttp,
		BucketName: aws.String("bucket"), Subdirectory: aws.String("x"), AccessKey: aws.String("key"), SecretKey: aws.String("hunter2"),
	})).LocationArn
	d := must[*datasync.DescribeLocationObjectStorageOutput](t)(c.DescribeLocationObjectStorage(t.Context(), &datasync.DescribeLocationObjectStorageInput{LocationArn: arn}))
	if *d.LocationUri != "object-storage://minio.example.com:9000/bucket/x/" || *d.ServerPort != 9000 ||
		d.ServerProtocol != types.ObjectStorageServerProtocolHttp || *d.AccessKey != "key" || d.CreationTime == nil {
		t.Errorf("location = %+v", d)
	}
	if strings.Contains(fmt.Sprintf("%+v", d), "hunter2") {
		t.Error("the secret key is returned")
	}
	must[*datasync.UpdateLocationObjectStorageOutput](t)(c.UpdateLocationObjectStorage(t.Context(), &datasync.UpdateLocationObjectStorageInput{
		LocationArn: arn, ServerHostname: aws.String("other.example.com"), ServerPort: aws.Int32(443), ServerProtocol: types.ObjectStorageServerProtocolHttps,
		SecretKey: aws.String("next"),
	}))
	d = must[*datasync.DescribeLocationObjectStorageOutput](t)(c.DescribeLocationObjectStorage(t.Context(), &datasync.DescribeLocationObjectStorageInput{LocationArn: arn}))
	if *d.LocationUri != "object-storage://other.example.com/bucket/x/" {
		t.Errorf("location = %+v", d)
	}
	for fragment, in := range map[string]datasync.CreateLocationObjectStorageInput{
		"not allowed":        {ServerHostname: aws.String("169.254.169.254"), BucketName: aws.String("bucket")},
		"ServerHostname":     {ServerHostname: aws.String("a_b"), BucketName: aws.String("bucket")},
		"BucketName":         {ServerHostname: aws.String("a.b"), BucketName: aws.String("b")},
		"ServerPort":         {ServerHostname: aws.String("a.b"), BucketName: aws.String("bucket"), ServerPort: aws.Int32(70000)},
		"CmkSecretConfig":    {ServerHostname: aws.String("a.b"), BucketName: aws.String("bucket"), CmkSecretConfig: &types.CmkSecretConfig{KmsKeyArn: aws.String("x")}},
		"CustomSecretConfig": {ServerHostname: aws.String("a.b"), BucketName: aws.String("bucket"), CustomSecretConfig: &types.CustomSecretConfig{SecretArn: aws.String("x")}},
	} {
		_, err := c.CreateLocationObjectStorage(t.Context(), &in)
		refused(t, err, fragment)
	}
}

func TestServer_Task(t *testing.T) {
	t.Parallel()
	c := client(t, movertest.Start(t, mover.Config{}))
	from, to := locations(t, c)
	const logs = "arn:aws:logs:us-east-1:123456789012:log-group:/x:*"
	arn := must[*datasync.CreateTaskOutput](t)(c.CreateTask(t.Context(), &datasync.CreateTaskInput{
		SourceLocationArn: &from, DestinationLocationArn: &to, CloudWatchLogGroupArn: aws.String(logs), TaskMode: types.TaskModeBasic,
		Options:  &types.Options{Atime: types.AtimeNone, Mtime: types.MtimeNone, Uid: types.UidNone, Gid: types.GidNone},
		Excludes: []types.FilterRule{{FilterType: types.FilterTypeSimplePattern, Value: aws.String("*/tmp|*.bak")}},
		Tags:     []types.TagListEntry{{Key: aws.String("route"), Value: aws.String("orders")}},
	})).TaskArn
	d := must[*datasync.DescribeTaskOutput](t)(c.DescribeTask(t.Context(), &datasync.DescribeTaskInput{TaskArn: arn}))
	if *d.TaskArn != *arn || d.Name != nil || *d.CloudWatchLogGroupArn != logs || *d.SourceLocationArn != from || *d.DestinationLocationArn != to ||
		*d.Excludes[0].Value != "*/tmp|*.bak" || d.Excludes[0].FilterType != types.FilterTypeSimplePattern || d.Includes != nil ||
		d.Options.Mtime != types.MtimeNone || aws.ToInt64(d.Options.BytesPerSecond) != -1 || d.TaskMode != types.TaskModeBasic || d.CurrentTaskExecutionArn != nil {
		t.Errorf("task = %+v, options %+v", d, d.Options)
	}
	must[*datasync.UpdateTaskOutput](t)(c.UpdateTask(t.Context(), &datasync.UpdateTaskInput{
		TaskArn: arn, Name: aws.String("new"), Excludes: []types.FilterRule{}, Options: &types.Options{BytesPerSecond: aws.Int64(5)},
		Schedule: &types.TaskSchedule{ScheduleExpression: aws.String("")}, TaskReportConfig: &types.TaskReportConfig{},
	}))
	d = must[*datasync.DescribeTaskOutput](t)(c.DescribeTask(t.Context(), &datasync.DescribeTaskInput{TaskArn: arn}))
	if *d.Name != "new" || d.Excludes != nil || aws.ToInt64(d.Options.BytesPerSecond) != 5 || d.Options.Mtime != types.MtimeNone {
		t.Errorf("updated task = %+v", d)
	}
	list := must[*datasync.ListTasksOutput](t)(c.ListTasks(t.Context(), &datasync.ListTasksInput{Filters: []types.TaskFilter{
		{Name: types.TaskFilterNameLocationId, Operator: types.OperatorEq, Values: []string{from}},
	}}))
	if len(list.Tasks) != 1 || *list.Tasks[0].TaskArn != *arn || list.Tasks[0].Status != types.TaskStatusAvailable || *list.Tasks[0].Name != "new" {
		t.Errorf("tasks = %+v", list.Tasks)
	}
	_, err := c.DeleteLocation(t.Context(), &datasync.DeleteLocationInput{LocationArn: &from})
	refused(t, err, "in use by task")
	must[*datasync.DeleteTaskOutput](t)(c.DeleteTask(t.Context(), &datasync.DeleteTaskInput{TaskArn: arn}))
	_, err = c.DescribeTask(t.Context(), &datasync.DescribeTaskInput{TaskArn: arn})
	refused(t, err, "not found")
}

func TestServer_RefusedTasks(t *testing.T) {
	t.Parallel()
	c := client(t, movertest.Start(t, mover.Config{}))
	from, to := locations(t, c)
	rule := func(v string) []types.FilterRule {
		return []types.FilterRule{{FilterType: types.FilterTypeSimplePattern, Value: &v}}
	}
	s3 := &types.SourceManifestConfig{S3: &types.S3ManifestConfig{ManifestObjectPath: aws.String("m"), BucketAccessRoleArn: aws.String(roleARN), S3BucketArn: aws.String("arn:aws:s3:::b")}}
	for fragment, in := range map[string]datasync.CreateTaskInput{
		"ManifestConfig is not supported": {ManifestConfig: &types.ManifestConfig{Source: s3}},
		"Schedule is not supported":       {Schedule: &types.TaskSchedule{ScheduleExpression: aws.String("rate(1 hour)")}},
		"TaskMode ENHANCED":               {TaskMode: types.TaskModeEnhanced},
		"TaskMode":                        {TaskMode: "FAST"},
		"Includes holds 2":                {Includes: append(rule("/a"), rule("/b")...)},
		"Includes.Value":                  {Includes: rule("")},
		"Excludes.Value":                  {Excludes: rule(strings.Repeat("x", 102401))},
		"Excludes.FilterType":             {Excludes: []types.FilterRule{{FilterType: "REGEX", Value: aws.String("x")}}},
		"Name":                            {Name: aws.String("name!")},
		"CloudWatchLogGroupArn":           {CloudWatchLogGroupArn: aws.String("x")},
		"Tags.Key":                        {Tags: []types.TagListEntry{{Key: aws.String("a@b"), Value: aws.String("x")}}},
		"VerifyMode":                      {Options: &types.Options{VerifyMode: "SOMETIMES"}},
		"Value: ALL,REMOVE.":              {Options: &types.Options{TransferMode: types.TransferModeAll, PreserveDeletedFiles: types.PreserveDeletedFilesRemove}},
		"account () must match":           {SourceLocationArn: aws.String("arn:aws:s3:::bucket")},
	} {
		if in.SourceLocationArn == nil {
			in.SourceLocationArn = &from
		}
		in.DestinationLocationArn = &to
		_, err := c.CreateTask(t.Context(), &in)
		refused(t, err, fragment)
	}
}

func TestServer_RunningExecution(t *testing.T) {
	t.Parallel()
	fake := movertest.NewEngine()
	c := client(t, movertest.Start(t, mover.Config{Run: fake.Run}))
	arn := task(t, c)
	start := func(include string) *string {
		return must[*datasync.StartTaskExecutionOutput](t)(c.StartTaskExecution(t.Context(), &datasync.StartTaskExecutionInput{
			TaskArn: &arn, Includes: []types.FilterRule{{FilterType: types.FilterTypeSimplePattern, Value: &include}},
		})).TaskExecutionArn
	}
	first, second := start("/1"), start("/2")
	fake.Next(t)
	_, err := c.StartTaskExecution(t.Context(), &datasync.StartTaskExecutionInput{TaskArn: &arn, Includes: []types.FilterRule{{Value: aws.String("/1")}}})
	refused(t, err, "same filters")
	d := must[*datasync.DescribeTaskExecutionOutput](t)(c.DescribeTaskExecution(t.Context(), &datasync.DescribeTaskExecutionInput{TaskExecutionArn: first}))
	if d.Status != types.TaskExecutionStatusPreparing || d.EndTime != nil || d.Result.PrepareStatus != types.PhaseStatusPending || d.Result.ErrorCode != nil {
		t.Errorf("running = %+v, %+v", d, d.Result)
	}
	d = must[*datasync.DescribeTaskExecutionOutput](t)(c.DescribeTaskExecution(t.Context(), &datasync.DescribeTaskExecutionInput{TaskExecutionArn: second}))
	if d.Status != types.TaskExecutionStatusQueued || d.LaunchTime != nil || d.StartTime == nil {
		t.Errorf("queued = %+v", d)
	}
	must[*datasync.UpdateTaskExecutionOutput](t)(c.UpdateTaskExecution(t.Context(), &datasync.UpdateTaskExecutionInput{
		TaskExecutionArn: first, Options: &types.Options{BytesPerSecond: aws.Int64(123456)},
	}))
	d = must[*datasync.DescribeTaskExecutionOutput](t)(c.DescribeTaskExecution(t.Context(), &datasync.DescribeTaskExecutionInput{TaskExecutionArn: first}))
	if aws.ToInt64(d.Options.BytesPerSecond) != 123456 {
		t.Errorf("bandwidth = %d", aws.ToInt64(d.Options.BytesPerSecond))
	}
	_, err = c.UpdateTaskExecution(t.Context(), &datasync.UpdateTaskExecutionInput{TaskExecutionArn: first, Options: &types.Options{VerifyMode: types.VerifyModeNone}})
	refused(t, err, "Only the option BytesPerSecond")
	must[*datasync.CancelTaskExecutionOutput](t)(c.CancelTaskExecution(t.Context(), &datasync.CancelTaskExecutionInput{TaskExecutionArn: first}))
	movertest.Until(t, "cancelled", func() bool {
		d = must[*datasync.DescribeTaskExecutionOutput](t)(c.DescribeTaskExecution(t.Context(), &datasync.DescribeTaskExecutionInput{TaskExecutionArn: first}))
		return d.Status == types.TaskExecutionStatusError
	})
	if aws.ToString(d.Result.ErrorCode) != mover.CodeCancelled || d.Result.ErrorDetail == nil {
		t.Errorf("cancelled = %+v", d.Result)
	}
	fake.Next(t).Finish(engine.Result{}, nil)
}

func TestServer_Agents(t *testing.T) {
	t.Parallel()
	c := client(t, movertest.Start(t, mover.Config{Version: "0.1.0"}))
	list := must[*datasync.ListAgentsOutput](t)(c.ListAgents(t.Context(), &datasync.ListAgentsInput{MaxResults: aws.Int32(1)}))
	if len(list.Agents) != 1 || list.Agents[0].Status != types.AgentStatusOnline || *list.Agents[0].Platform.Version != "0.1.0" || list.NextToken != nil {
		t.Fatalf("agents = %+v", list)
	}
	arn := list.Agents[0].AgentArn
	must[*datasync.UpdateAgentOutput](t)(c.UpdateAgent(t.Context(), &datasync.UpdateAgentInput{AgentArn: arn, Name: aws.String("filer")}))
	must[*datasync.TagResourceOutput](t)(c.TagResource(t.Context(), &datasync.TagResourceInput{
		ResourceArn: arn, Tags: []types.TagListEntry{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("2")}},
	}))
	must[*datasync.UntagResourceOutput](t)(c.UntagResource(t.Context(), &datasync.UntagResourceInput{ResourceArn: arn, Keys: []string{"a"}}))
	tags := must[*datasync.ListTagsForResourceOutput](t)(c.ListTagsForResource(t.Context(), &datasync.ListTagsForResourceInput{ResourceArn: arn}))
	if len(tags.Tags) != 1 || *tags.Tags[0].Key != "b" || *tags.Tags[0].Value != "2" {
		t.Errorf("tags = %+v", tags.Tags)
	}
	d := must[*datasync.DescribeAgentOutput](t)(c.DescribeAgent(t.Context(), &datasync.DescribeAgentInput{AgentArn: arn}))
	if *d.Name != "filer" || d.Status != types.AgentStatusOnline || d.EndpointType != types.EndpointTypePublic || d.LastConnectionTime == nil || *d.Platform.Version != "0.1.0" {
		t.Errorf("agent = %+v", d)
	}
	_, err := c.DescribeAgent(t.Context(), &datasync.DescribeAgentInput{AgentArn: aws.String(strings.Repeat("0", 3))})
	refused(t, err, "AgentArn")
	_, err = c.DescribeAgent(t.Context(), &datasync.DescribeAgentInput{AgentArn: aws.String((*arn)[:len(*arn)-17] + "00000000000000000")})
	refused(t, err, "does not exist")
	_, err = c.DeleteAgent(t.Context(), &datasync.DeleteAgentInput{AgentArn: arn})
	refused(t, err, "DeleteAgent is not supported")
	_, err = c.CreateAgent(t.Context(), &datasync.CreateAgentInput{ActivationKey: aws.String("x")})
	refused(t, err, "CreateAgent is not supported")
}

func TestServer_Paging(t *testing.T) {
	t.Parallel()
	c := client(t, movertest.Start(t, mover.Config{}))
	for range 3 {
		task(t, c)
	}
	seen := 0
	pages := datasync.NewListLocationsPaginator(c, &datasync.ListLocationsInput{MaxResults: aws.Int32(4)})
	for pages.HasMorePages() {
		page := must[*datasync.ListLocationsOutput](t)(pages.NextPage(t.Context()))
		seen += len(page.Locations)
	}
	if seen != 6 {
		t.Errorf("%d locations on all pages, want 6", seen)
	}
	for _, in := range []datasync.ListTasksInput{{MaxResults: aws.Int32(101)}, {MaxResults: aws.Int32(-1)}, {NextToken: aws.String("!")}, {NextToken: aws.String("abc")}} {
		if _, err := c.ListTasks(t.Context(), &in); err == nil {
			t.Errorf("%+v was accepted", in)
		} else {
			refused(t, err, "")
		}
	}
}
