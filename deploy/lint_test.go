package deploy_test

import (
	"slices"
	"strings"
	"testing"
)

// TestTemplate expands the template once for each stage, and once with two
// agents of two tasks, and looks at what came of it.
func TestTemplate(t *testing.T) {
	t.Parallel()
	needs(t, "python3", "-c", "import cfnlint.decode, samtranslator, tomllib")
	x := expansions{files: map[string]string{}}
	x.prod, x.files["prod"] = expand(t, "--stage", "prod")
	x.dev, x.files["dev"] = expand(t, "--stage", "dev")
	x.stg, x.files["stg"] = expand(t, "--stage", "stg")
	x.wide, x.files["wide"] = expand(t, "SourceBucket=outbox", "AgentIds=0b0addbeef44baca3,0c1addbeef44baca4", "TaskSlots=1,12345678",
		"DestinationHost=filer", "RouteName=orders", "SourcePrefix=orders/")
	x.steps, x.files["steps"] = expand(t, "--template", "template-stepfunctions.yaml", "--stage", "prod")
	for name, test := range map[string]func(*testing.T, expansions){
		"Lint": testLint, "Rules": testRules, "Queues": testQueues, "TLSOnly": testTLSOnly, "Table": testTable,
		"Functions": testFunctions, "Environment": testEnvironment, "Settings": testSettings, "Permissions": testPermissions, "Audit": testAudit, "People": testPeople,
		"Resources": testResources, "Roles": testRoles, "Events": testEvents, "Schedules": testSchedules, "Pool": testPool,
		"Destinations": testDestinations, "Alarms": testAlarms, "Dashboard": testDashboard, "Parameters": testParameters,
		"Names": testNames, "Outputs": testOutputs, "Encryption": testEncryption, "Steps": testSteps,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, x)
		})
	}
}

// expansions are the template for each stage, with other parameters and with
// the other driver, and the files that they are in.
type expansions struct {
	prod, stg, dev, wide, steps template
	files                       map[string]string
}

// testLint wants no finding of cfn-lint, warnings included, in the source and
// in what is made of it.
func testLint(t *testing.T, x expansions) {
	needs(t, "cfn-lint", "--version")
	lint := func(name, path string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := run(t.Context(), ".", "cfn-lint", "-t", path, "-r", region); err != nil {
				t.Errorf("cfn-lint: %v", err)
			}
		})
	}
	lint("source", "template.yaml")
	lint("source with steps", "template-stepfunctions.yaml")
	for name, path := range x.files {
		lint(name, path)
	}
}

// testRules holds every stage against the template's own rules, and sees that
// the rules refuse what cannot work.
func testRules(t *testing.T, x expansions) {
	for stage, tm := range map[string]template{"dev": x.dev, "stg": x.stg, "prod": x.prod} {
		if s := tm.with(t); len(s.Broken) > 0 {
			t.Errorf("stage %s: %v", stage, s.Broken)
		}
	}
	tm := x.wide
	for _, c := range []struct{ given, wants string }{
		{"DestinationType=NFS DestinationHost=filer", "NFS and SMB destinations need AgentIds."},
		{"DestinationType=NFS AgentIds=0b0addbeef44baca3", "NFS and SMB destinations need DestinationHost."},
		{"DestinationType=S3 DestinationBucket=inbox AgentIds=0b0addbeef44baca3", "AgentIds must be none."},
		{"DestinationType=S3", "need DestinationBucket."},
		{"DestinationType=S3 DestinationBucket=outbox SourceBucket=outbox", "the same bucket."},
		{"DestinationType=SMB DestinationHost=filer AgentIds=0b0addbeef44baca3", "needs DestinationSecretArn."},
		{"DestinationType=ObjectStorage DestinationBucket=inbox", "needs DestinationHost."},
		{"DestinationType=EFS FileSystemId=fs-1 FileSystemSecurityGroupId=sg-1", "needs FileSystemSubnetId."},
		{"DestinationType=EFS FileSystemSubnetId=subnet-1 FileSystemSecurityGroupId=sg-1", "needs FileSystemId."},
		{"DestinationType=FSxLustre FileSystemId=fs-1", "needs FileSystemSecurityGroupId."},
		{"DestinationType=FSxONTAP FileSystemId=fs-1 FileSystemSecurityGroupId=sg-1", "needs StorageVirtualMachineId."},
		{"DestinationType=Location", "needs DestinationLocationId."},
		{"DestinationType=S3 DestinationBucket=inbox TaskMode=ENHANCED VerifyMode=POINT_IN_TIME_CONSISTENT", "cannot verify"},
		{"DestinationType=S3 DestinationBucket=inbox BytesPerSecond=0", "to stop the route pause it."},
		{"DestinationType=S3 DestinationBucket=inbox CompletionQueueArn=q CompletionBusArn=b", "at most one"},
		{"DestinationType=S3 DestinationBucket=inbox CompletionQueueArn=q", ""},
		{"DestinationType=EFS FileSystemId=fs-1 FileSystemSubnetId=subnet-1 FileSystemSecurityGroupId=sg-1", ""},
	} {
		given := append([]string{"AgentIds=none", "DestinationHost=none"}, strings.Fields(c.given)...)
		broken := newEvaluator(t, tm, given).broken()
		switch {
		case c.wants == "" && len(broken) > 0:
			t.Errorf("%s: refused: %v", c.given, broken)
		case c.wants != "" && !slices.ContainsFunc(broken, func(b string) bool { return strings.Contains(b, c.wants) }):
			t.Errorf("%s: broken are %v, none says %q", c.given, broken, c.wants)
		}
	}
}
