package stack

import "slices"

// Function names a Lambda function of a stack.
type Function string

// The functions.
const (
	Intake  Function = "intake"
	Refresh Function = "refresh"
	Agents  Function = "agents"
	Operate Function = "operate"
	// Steps exists where Step Functions drives transfers.
	Steps Function = "steps"
)

// Functions lists those of every stack.
func Functions() []Function { return []Function{Intake, Refresh, Agents, Operate} }

// FunctionsOf lists those of a stack with a driver.
func FunctionsOf(driver string) []Function {
	if driver == DriverSteps {
		return append(Functions(), Steps)
	}
	return Functions()
}

// The drivers: what follows executions, and makes their starts.
const (
	DriverEvents = "events"
	DriverSteps  = "step-functions"
)

// The environment variables; Variables describes them.
const (
	EnvStack             = "HIKYAKU_STACK"
	EnvRoute             = "HIKYAKU_ROUTE"
	EnvTable             = "HIKYAKU_TABLE"
	EnvQueueURL          = "HIKYAKU_QUEUE_URL"
	EnvDLQURL            = "HIKYAKU_DLQ_URL"
	EnvSourceBucket      = "HIKYAKU_SOURCE_BUCKET"
	EnvSourcePrefix      = "HIKYAKU_SOURCE_PREFIX"
	EnvSourceLocation    = "HIKYAKU_SOURCE_LOCATION_ARN"
	EnvDestination       = "HIKYAKU_DESTINATION"
	EnvInclude           = "HIKYAKU_INCLUDE"
	EnvKeyPattern        = "HIKYAKU_KEY_PATTERN"
	EnvIDPattern         = "HIKYAKU_ID_PATTERN"
	EnvVerify            = "HIKYAKU_VERIFY"
	EnvTransferMode      = "HIKYAKU_TRANSFER_MODE"
	EnvAllowEmpty        = "HIKYAKU_ALLOW_EMPTY"
	EnvSettings          = "HIKYAKU_SETTINGS_PARAMETER"
	EnvPoolPath          = "HIKYAKU_POOL_PATH"
	EnvReportBucket      = "HIKYAKU_REPORT_BUCKET"
	EnvReportRole        = "HIKYAKU_REPORT_ROLE_ARN"
	EnvRetentionDays     = "HIKYAKU_RETENTION_DAYS"
	EnvCompletionQueue   = "HIKYAKU_COMPLETION_QUEUE_URL"
	EnvCompletionBus     = "HIKYAKU_COMPLETION_BUS"
	EnvCompletionWebhook = "HIKYAKU_COMPLETION_WEBHOOK"
	EnvCompletionSecret  = "HIKYAKU_COMPLETION_SECRET" //nolint:gosec // the name of a variable
	EnvLogLevel          = "HIKYAKU_LOG_LEVEL"
	EnvDriver            = "HIKYAKU_DRIVER"
	EnvStateMachine      = "HIKYAKU_STATE_MACHINE_ARN"
	EnvPoll              = "HIKYAKU_POLL_SECONDS"
)

// Variable is one environment variable: the only source of what the functions
// read. The template and docs/lambda.md are held against it by tests.
type Variable struct {
	Name string
	// Functions that read it. To others it is not given.
	Functions []Function
	// Required ones must be set and not empty; the function does not start
	// without. Others have Default when unset or empty.
	Required bool
	Default  string
	// Doc says what it means, in one or two sentences of Markdown.
	Doc string
}

// Variables lists every environment variable of our own that a function
// reads. Beside them only those of the Lambda runtime and of the AWS SDK's
// standard configuration are read.
func Variables() []Variable {
	all := FunctionsOf(DriverSteps)
	starters := []Function{Intake, Refresh, Operate, Steps} // those that start executions
	return []Variable{
		{Name: EnvStack, Functions: all, Required: true, Doc: "Name of the stack: the dimension `Stack` of every metric, and in every log line."},
		{Name: EnvRoute, Functions: all, Required: true, Doc: "Name of the stack's one route."},
		{Name: EnvTable, Functions: all, Required: true, Doc: "Name of the DynamoDB table that is the ledger."},
		{Name: EnvRetentionDays, Functions: all, Default: "90", Doc: "Days after which ended transfers leave the table; 0 keeps all."},
		{Name: EnvLogLevel, Functions: all, Default: "info", Doc: "`debug`, `info`, `warn` or `error`."},
		{Name: EnvQueueURL, Functions: starters, Required: true, Doc: "URL of the queue that producers send to."},
		{Name: EnvDLQURL, Functions: starters, Required: true, Doc: "URL of its dead-letter queue."},
		{Name: EnvSourceBucket, Functions: starters, Required: true, Doc: "Bucket that IDs are looked for in."},
		{Name: EnvSourcePrefix, Functions: starters, Doc: "Prefix within the bucket: the source location's subdirectory, without a leading `/`."},
		{Name: EnvSourceLocation, Functions: []Function{Refresh}, Doc: "ARN of the DataSync source location; a pool task with another source is refused. Empty: not checked."},
		{Name: EnvDestination, Functions: starters, Required: true, Doc: "The destination as people know it (`smb://filer/orders`): shown, never connected to."},
		{Name: EnvInclude, Functions: starters, Default: "/{id}/*", Doc: "How an ID becomes DataSync's include filter: `/{id}/*` or `/{id}`."},
		{Name: EnvKeyPattern, Functions: starters, Doc: "How the key in an S3 event becomes an ID (`orders/{id}/*`). Empty: S3 events are refused."},
		{Name: EnvIDPattern, Functions: starters, Doc: "Regular expression over whole IDs. Empty: the default rule."},
		{Name: EnvVerify, Functions: starters, Default: "ONLY_FILES_TRANSFERRED", Doc: "DataSync's VerifyMode: `ONLY_FILES_TRANSFERRED`, `POINT_IN_TIME_CONSISTENT` or `NONE`."},
		{Name: EnvTransferMode, Functions: starters, Default: "ALL", Doc: "DataSync's TransferMode of first attempts: `ALL` or `CHANGED`. Later ones always use `ALL`."},
		{Name: EnvAllowEmpty, Functions: starters, Default: "false", Doc: "`true`: an ID without files ends SUCCEEDED with the outcome `empty`; `false`: it ends FAILED."},
		{Name: EnvSettings, Functions: starters, Doc: "Name of the SSM parameter with the route's changeable part, one JSON document. Empty: the defaults, and pause and bandwidth live in the ledger alone."},
		{Name: EnvPoolPath, Functions: []Function{Refresh}, Required: true, Doc: "SSM path (`/STACK/pool/`) under which each parameter's value is the ARN of one task of the pool."},
		{Name: EnvReportBucket, Functions: starters, Doc: "Bucket for DataSync's task reports (TaskReportConfig of each start). Empty: none are asked for."},
		{Name: EnvReportRole, Functions: starters, Doc: "ARN of the role with which DataSync writes the reports; required with `HIKYAKU_REPORT_BUCKET`."},
		{Name: EnvCompletionQueue, Functions: starters, Doc: "URL of an SQS queue that gets a message for every ended transfer. At most one of the three `HIKYAKU_COMPLETION_` targets may be set."},
		{Name: EnvCompletionBus, Functions: starters, Doc: "Name or ARN of an EventBridge bus that gets an event (`source` `hikyaku`, `detail-type` `Hikyaku Transfer Ended`) for every ended transfer."},
		{Name: EnvCompletionWebhook, Functions: starters, Doc: "URL (https, or http to loopback) that gets a POST for every ended transfer."},
		{Name: EnvCompletionSecret, Functions: starters, Doc: "Name of the SSM SecureString (or `/aws/reference/secretsmanager/NAME`) with the key that webhook requests are signed with. Empty: not signed."},
		{Name: EnvDriver, Functions: starters, Default: DriverEvents, Doc: "What drives a transfer: `events` (DataSync's events, and the sweep) or `step-functions` (an execution of a state machine for each, and the sweep)."},
		{Name: EnvStateMachine, Functions: starters, Doc: "ARN of the state machine; required with `step-functions`."},
		{Name: EnvPoll, Functions: []Function{Steps}, Default: "5", Doc: "Least seconds between two looks of a state machine at an execution, 1 to 60. The older the execution, the more, up to a minute."},
	}
}

// Of lists the variables that a function reads.
func Of(f Function) []Variable {
	return slices.DeleteFunc(Variables(), func(v Variable) bool { return !slices.Contains(v.Functions, f) })
}
