package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPipelines wants every make target and every file that the pipelines name
// to exist, every stage to be deployed, and prod only after somebody has seen
// its change set. What else a workflow can get wrong actionlint finds
// (make workflows).
func TestPipelines(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		content, err := os.ReadFile(name) //nolint:gosec // the test's own words
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	makefile, config := read("../Makefile"), read("samconfig.toml")
	pipelines := map[string]string{"Jenkinsfile": read("Jenkinsfile")}
	workflows, err := filepath.Glob("../.github/workflows/*.yml")
	if err != nil || len(workflows) == 0 {
		t.Fatalf("no workflows: %v", err)
	}
	for _, w := range workflows {
		pipelines[w] = read(w)
	}
	makes := regexp.MustCompile(`(?m)(?:run: |sh '|&& )make ([a-z -]+)`)
	files := regexp.MustCompile(`(?:^|[\s"'(])((?:deploy|\./\.github)/[A-Za-z./_-]+\.(?:sh|py|yml))`)
	for name, pipeline := range pipelines {
		for _, m := range makes.FindAllStringSubmatch(pipeline, -1) {
			for target := range strings.FieldsSeq(m[1]) {
				if !strings.Contains(makefile, "\n"+target+":") {
					t.Errorf("%s: make %s, which is no target", name, target)
				}
			}
		}
		for _, m := range files.FindAllStringSubmatch(pipeline, -1) {
			if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if strings.Count(pipeline, "{") != strings.Count(pipeline, "}") {
			t.Errorf("%s: braces do not match", name)
		}
		if regexp.MustCompile(`(?i)aws_secret_access_key|aws_access_key_id`).MatchString(pipeline) {
			t.Errorf("%s: keys instead of a role", name)
		}
	}
	for _, stage := range []string{"dev", "stg", "prod"} {
		if !strings.Contains(config, "["+stage+".global.parameters]\nlanguage_extensions = true") {
			t.Errorf("samconfig.toml: stage %s cannot expand Fn::ForEach", stage)
		}
		if !strings.Contains(pipelines["Jenkinsfile"], "deployTo('"+stage+"', "+map[bool]string{true: "true", false: "false"}[stage == "prod"]+")") {
			t.Errorf("Jenkinsfile: stage %s is not deployed, or not asked about as it should be", stage)
		}
		if !strings.Contains(pipelines["../.github/workflows/ci.yml"], "stage: "+stage+",") {
			t.Errorf("ci.yml: stage %s is not deployed", stage)
		}
	}
	prod := config[strings.Index(config, "[prod.deploy.parameters]"):]
	if !strings.Contains(prod, "confirm_changeset = true") || !strings.Contains(prod, `"DeletionProtection=true"`) {
		t.Error("samconfig.toml: prod is deployed without a look, or can be deleted")
	}
	deploy := pipelines["../.github/workflows/deploy.yml"]
	if !strings.Contains(deploy, "needs: review") || !strings.Contains(deploy, "environment: ${{ inputs.stage }}\n") || !strings.Contains(deploy, "id-token: write") {
		t.Error("deploy.yml: no review, no environment to ask in, or no OIDC")
	}
}
