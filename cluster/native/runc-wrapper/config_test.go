package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

const (
	everything      = uint64(0x1ffffffffff)
	withoutResource = everything &^ (1 << capSysResource)
)

const bundle = `{"ociVersion":"1.0.2","process":{"args":["sh"],"oomScoreAdj":-998,
"rlimits":[{"type":"RLIMIT_NOFILE","hard":9223372036854775807,"soft":1024}],
"capabilities":{"bounding":["CAP_KILL","CAP_SYS_RESOURCE"],"effective":["CAP_KILL"]}},
"linux":{"resources":{"memory":{"limit":9223372036854775807}}}}`

func written(t *testing.T, content string, granted uint64) (before, after string, document object) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := rewrite(path, granted, processOfBundle); err != nil {
		t.Fatal(err)
	}
	edited, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(edited, &document); err != nil {
		t.Fatal(err)
	}
	return content, string(edited), document
}

func TestNothingChangesWhereEverythingIsGranted(t *testing.T) {
	if before, after, _ := written(t, bundle, everything); before != after {
		t.Errorf("changed to %s", after)
	}
}

func TestOnlyWhatCannotBeGrantedIsTaken(t *testing.T) {
	_, _, document := written(t, bundle, withoutResource)
	expected := object{
		"args": []any{"sh"}, "oomScoreAdj": 0.0,
		"capabilities": object{"bounding": []any{"CAP_KILL"}, "effective": []any{"CAP_KILL"}},
	}
	if !reflect.DeepEqual(document["process"], expected) {
		t.Errorf("process is %v", document["process"])
	}
}

func TestLargeNumbersSurviveTheEdit(t *testing.T) {
	_, after, _ := written(t, bundle, withoutResource)
	var exact struct {
		Linux struct {
			Resources struct {
				Memory struct{ Limit json.Number }
			}
		}
	}
	if err := json.Unmarshal([]byte(after), &exact); err != nil {
		t.Fatal(err)
	}
	if limit := exact.Linux.Resources.Memory.Limit.String(); limit != "9223372036854775807" {
		t.Errorf("limit became %s", limit)
	}
}

func TestCommandAndFilesAreFoundAmongOptions(t *testing.T) {
	cases := []struct {
		given   []string
		command string
		file    string
	}{
		{[]string{"--root", "/run/x", "--log=/l", "create", "--bundle", "/b", "id"}, "create", "/b"},
		{[]string{"--log", "/l", "--log-format", "json", "run", "-b", "/b", "id"}, "run", "/b"},
		{[]string{"exec", "--process", "/p", "--detach", "id"}, "exec", "/p"},
		{[]string{"exec", "--process=/p", "id"}, "exec", "/p"},
		{[]string{"--systemd-cgroup", "delete", "--force", "id"}, "delete", ""},
	}
	for _, c := range cases {
		command, options := parse(c.given)
		if file := options["bundle"] + options["process"]; command != c.command || file != c.file {
			t.Errorf("%v: got %q %q", c.given, command, file)
		}
	}
}
