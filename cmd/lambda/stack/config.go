package stack

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Config is a function's environment, read once.
type Config struct {
	Function  Function
	Stack     string
	Table     string
	Retention time.Duration
	LogLevel  slog.Level
	// Route is the fixed part of the stack's one route.
	Route hikyaku.Route

	QueueURL, DLQURL               string
	SourceLocation                 string
	Settings, PoolPath             string
	ReportBucket, ReportRole       string
	CompletionQueue, CompletionBus string
	CompletionWebhook              string
	CompletionSecret               string
	// StateMachine drives transfers; empty where events do. Poll is the least
	// time between two of its looks at an execution.
	StateMachine string
	Poll         time.Duration
	// PathStyle addresses buckets in the path, as an endpoint that is not
	// Amazon's needs it.
	PathStyle bool
}

const day = 24 * time.Hour

// Load reads what the function f reads of the environment. The error names
// everything that is missing or cannot work.
func Load(f Function, getenv func(string) string) (Config, error) {
	e := environment{values: map[string]string{}}
	for _, v := range Of(f) {
		value := getenv(v.Name)
		switch {
		case value != "":
		case v.Required:
			e.wrong = append(e.wrong, v.Name+" is not set")
		default:
			value = v.Default
		}
		e.values[v.Name] = value
	}
	c := Config{
		Function: f, Stack: e.text(EnvStack), Table: e.text(EnvTable), Retention: time.Duration(e.number(EnvRetentionDays)) * day,
		QueueURL: e.text(EnvQueueURL), DLQURL: e.text(EnvDLQURL), SourceLocation: e.text(EnvSourceLocation),
		Settings: e.text(EnvSettings), PoolPath: e.text(EnvPoolPath),
		ReportBucket: e.text(EnvReportBucket), ReportRole: e.text(EnvReportRole),
		CompletionQueue: e.text(EnvCompletionQueue), CompletionBus: e.text(EnvCompletionBus),
		CompletionWebhook: e.text(EnvCompletionWebhook), CompletionSecret: e.text(EnvCompletionSecret),
		PathStyle: getenv("AWS_ENDPOINT_URL_S3") != "" || getenv("AWS_ENDPOINT_URL") != "",
	}
	if err := c.LogLevel.UnmarshalText([]byte(e.text(EnvLogLevel))); err != nil {
		e.refuse(EnvLogLevel, "use debug, info, warn or error")
	}
	c.Route = hikyaku.Route{
		Name: e.text(EnvRoute), Queue: queueName(c.QueueURL), Destination: e.text(EnvDestination),
		Include: e.text(EnvInclude), KeyPattern: e.text(EnvKeyPattern), IDPattern: e.text(EnvIDPattern),
		VerifyMode: e.text(EnvVerify), TransferMode: e.text(EnvTransferMode), AllowEmpty: e.truth(EnvAllowEmpty),
	}
	if bucket := e.text(EnvSourceBucket); bucket != "" {
		c.Route.Source = "s3://" + bucket + "/" + strings.TrimPrefix(e.text(EnvSourcePrefix), "/")
	}
	c.StateMachine, c.Poll = e.driver(f)
	e.check(f, c)
	if len(e.wrong) > 0 {
		return c, hikyaku.NewError(hikyaku.CodeConfigInvalid, "read environment of function", string(f), strings.Join(e.wrong, "; "))
	}
	return c, nil
}

// queueName is the last part of a queue's URL.
func queueName(url string) string { return url[strings.LastIndexByte(url, '/')+1:] }

// environment is what was read, and what was wrong with it.
type environment struct {
	values map[string]string
	wrong  []string
}

func (e *environment) text(name string) string { return e.values[name] }

func (e *environment) refuse(name, why string) {
	e.wrong = append(e.wrong, fmt.Sprintf("%s %q: %s", name, e.values[name], why))
}

func (e *environment) number(name string) int64 {
	n, err := strconv.ParseInt(e.values[name], 10, 32)
	if err != nil || n < 0 {
		e.refuse(name, "use a whole number from 0")
	}
	return n
}

func (e *environment) truth(name string) bool {
	switch e.values[name] {
	case "true":
		return true
	case "", "false":
	default:
		e.refuse(name, "use true or false")
	}
	return false
}

// check refuses what does not go together.
func (e *environment) check(f Function, c Config) {
	if c.ReportBucket != "" && c.ReportRole == "" {
		e.refuse(EnvReportRole, "it is needed with "+EnvReportBucket)
	}
	targets := 0
	for _, v := range []string{c.CompletionQueue, c.CompletionBus, c.CompletionWebhook} {
		if v != "" {
			targets++
		}
	}
	if targets > 1 {
		e.wrong = append(e.wrong, "more than one of "+EnvCompletionQueue+", "+EnvCompletionBus+" and "+EnvCompletionWebhook+" is set")
	}
	if f == Agents || c.Route.Source == "" { // a missing bucket is named already
		return
	}
	if err := c.Route.Validate(); err != nil {
		e.wrong = append(e.wrong, err.Error())
	}
}

// driver is the state machine that drives transfers, if one does, and how often
// it looks at an execution.
func (e *environment) driver(f Function) (machine string, poll time.Duration) {
	switch d := e.text(EnvDriver); {
	case f == Agents:
		return "", 0
	case d != DriverEvents && d != DriverSteps:
		e.refuse(EnvDriver, "use "+DriverEvents+" or "+DriverSteps)
	case d == DriverSteps && e.text(EnvStateMachine) == "":
		e.refuse(EnvStateMachine, "it is needed with "+DriverSteps)
	case d == DriverSteps:
		machine = e.text(EnvStateMachine)
	case f == Steps:
		e.refuse(EnvDriver, "this function is for "+DriverSteps)
	}
	if f != Steps {
		return machine, 0
	}
	seconds := e.number(EnvPoll)
	if seconds < 1 || seconds > maxPoll {
		e.refuse(EnvPoll, "use 1 to 60")
	}
	return machine, time.Duration(seconds) * time.Second
}

// maxPoll is the most seconds between two looks at an execution.
const maxPoll = 60
