package deploy_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// testParameters wants every parameter described, checked, in one group of the
// console's form, and its default legal.
func testParameters(t *testing.T, x expansions) {
	grouped := map[string]int{}
	for _, g := range list(at(x.wide.Metadata, "AWS::CloudFormation::Interface", "ParameterGroups")) {
		if text(at(g, "Label", "default")) == "" {
			t.Errorf("group %v has no label", g)
		}
		for _, name := range texts(at(g, "Parameters")) {
			grouped[name]++
			if _, ok := x.wide.Parameters[name]; !ok {
				t.Errorf("group of %s, which is no parameter", name)
			}
		}
	}
	for name, p := range x.wide.Parameters {
		if grouped[name] != 1 {
			t.Errorf("%s is in %d groups", name, grouped[name])
		}
		if !strings.HasSuffix(p.Description, ".") {
			t.Errorf("%s: description %q", name, p.Description)
		}
		free := p.AllowedPattern == "" && p.AllowedValues == nil && p.MinValue == nil
		if free && name != "IdPattern" {
			t.Errorf("%s takes anything", name)
		}
		if name == "SourceBucket" { // has no default in the source
			continue
		}
		for value := range strings.SplitSeq(text(p.Default), ",") {
			// Java and Go agree on these patterns but for look-ahead
			if re, err := regexp.Compile(strings.ReplaceAll(p.AllowedPattern, "(?!aws/)", "")); err != nil || !re.MatchString(value) {
				t.Errorf("%s: default %q, pattern %q: %v", name, value, p.AllowedPattern, err)
			}
		}
		if p.AllowedValues != nil && !slices.Contains(texts(p.AllowedValues), text(p.Default)) {
			t.Errorf("%s: default %v is none of %v", name, p.Default, p.AllowedValues)
		}
	}
}

// testNames wants names to fit with a stack's name of 32 characters.
func testNames(t *testing.T, x expansions) {
	s := x.wide.with(t, "AWS::StackName="+strings.Repeat("s", 32))
	for kind, c := range map[string]struct {
		property string
		most     int
	}{
		"AWS::Lambda::Function": {"FunctionName", 64}, "AWS::Events::Rule": {"Name", 64}, "AWS::Scheduler::Schedule": {"Name", 64},
		"AWS::SQS::Queue": {"QueueName", 80}, "AWS::CloudWatch::Alarm": {"AlarmName", 255}, "AWS::DataSync::Task": {"Name", 256},
		"AWS::SSM::Parameter": {"Name", 1011}, "AWS::SNS::Topic": {"TopicName", 256}, "AWS::CloudWatch::Dashboard": {"DashboardName", 255},
	} {
		found := s.of(kind)
		if len(found) == 0 {
			t.Errorf("no %s", kind)
		}
		for name, p := range found {
			if n := len(text(p[c.property])); n == 0 || n > c.most {
				t.Errorf("%s: %s %s has %d characters of %d", name, c.property, p[c.property], n, c.most)
			}
		}
	}
	if n := len(x.wide.Resources); n > 400 {
		t.Errorf("%d resources of the 500 that a stack may have", n)
	}
}

func testOutputs(t *testing.T, x expansions) {
	s := x.prod.with(t)
	for name, want := range map[string]string{
		"QueueUrl": "https://sqs." + region + ".amazonaws.com/" + account + "/" + stackName + "-transfers", "QueueArn": "att:Queue.Arn",
		"DeadLetterQueueUrl": "https://sqs." + region + ".amazonaws.com/" + account + "/" + stackName + "-dlq", "TableName": "ref:Table",
		"OperateFunctionName": stackName + "-operate", "SettingsParameterName": "/hikyaku/" + stackName + "/settings",
		"PoolPath": "/hikyaku/" + stackName + "/pool/", "ReportBucketName": "ref:ReportBucket", "RouteName": "orders",
		"SourceUri": "s3://example-outbox/orders/", "AlarmTopicArn": "ref:AlarmTopic",
	} {
		if s.Outputs[name] != want {
			t.Errorf("output %s is %q, want %q", name, s.Outputs[name], want)
		}
	}
	if !strings.Contains(s.Outputs["DashboardUrl"], "#dashboards/dashboard/") {
		t.Errorf("dashboard at %s", s.Outputs["DashboardUrl"])
	}
}

// testEncryption wants one key in all places, and none unless asked for.
func testEncryption(t *testing.T, x expansions) {
	const id = "01234567-89ab-cdef-0123-456789abcdef"
	for given, want := range map[string]string{
		"KmsKey=create": "att:Key.Arn", "KmsKey=" + id: "arn:aws:kms:" + region + ":" + account + ":key/" + id, "KmsKey=aws": "",
	} {
		s := x.wide.with(t, given)
		places := map[string]any{
			"table": at(s.Resources["Table"].Properties, "SSESpecification", "KMSMasterKeyId"), "topic": s.Resources["AlarmTopic"].Properties["KmsMasterKeyId"],
			"reports": at(s.Resources["ReportBucket"].Properties, "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault", "KMSMasterKeyID"),
		}
		for kind, property := range map[string]string{"AWS::SQS::Queue": "KmsMasterKeyId", "AWS::Logs::LogGroup": "KmsKeyId", "AWS::Lambda::Function": "KmsKeyArn"} {
			for name, p := range s.of(kind) {
				places[name] = p[property]
			}
		}
		for place, key := range places {
			if text(key) != want {
				t.Errorf("%s: %s is encrypted with %q, want %q", given, place, text(key), want)
			}
		}
		if _, made := s.Resources["Key"]; made != (given == "KmsKey=create") {
			t.Errorf("%s: key made: %v", given, made)
		}
		if algorithm := text(at(s.Resources["ReportBucket"].Properties, "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault", "SSEAlgorithm")); algorithm == "" {
			t.Errorf("%s: reports are not encrypted", given)
		}
	}
	for member, v := range x.wide.with(t).Resources["ReportBucket"].Properties["PublicAccessBlockConfiguration"].(map[string]any) { //nolint:errcheck,forcetypeassert // a panic fails the test as well
		if v != true {
			t.Errorf("reports: %s is %v", member, v)
		}
	}
}
