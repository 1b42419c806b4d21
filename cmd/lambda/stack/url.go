package stack

import "strings"

// consoleURL is an execution's page in the AWS console, where its log is one
// click away; "" for what is no execution's ARN.
func consoleURL(executionARN string) string {
	fields := strings.SplitN(executionARN, ":", 6)
	if len(fields) != 6 {
		return ""
	}
	task, execution, ok := strings.Cut(strings.TrimPrefix(fields[5], "task/"), "/execution/")
	if !ok {
		return ""
	}
	domain := "aws.amazon.com"
	switch fields[1] {
	case "aws-cn":
		domain = "amazonaws.cn"
	case "aws-us-gov":
		domain = "amazonaws-us-gov.com"
	}
	region := fields[3]
	return "https://" + region + ".console." + domain + "/datasync/home?region=" + region + "#/history/" + task + "/" + execution
}
