package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
)

const capSysResource = 24

// Names of the capabilities by their number in linux/capability.h.
var capabilityNames = strings.Fields(`
CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID CAP_SETUID
CAP_SETPCAP CAP_LINUX_IMMUTABLE CAP_NET_BIND_SERVICE CAP_NET_BROADCAST CAP_NET_ADMIN CAP_NET_RAW
CAP_IPC_LOCK CAP_IPC_OWNER CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_CHROOT CAP_SYS_PTRACE CAP_SYS_PACCT
CAP_SYS_ADMIN CAP_SYS_BOOT CAP_SYS_NICE CAP_SYS_RESOURCE CAP_SYS_TIME CAP_SYS_TTY_CONFIG CAP_MKNOD
CAP_LEASE CAP_AUDIT_WRITE CAP_AUDIT_CONTROL CAP_SETFCAP CAP_MAC_OVERRIDE CAP_MAC_ADMIN CAP_SYSLOG
CAP_WAKE_ALARM CAP_BLOCK_SUSPEND CAP_AUDIT_READ CAP_PERFMON CAP_BPF CAP_CHECKPOINT_RESTORE`)

type object = map[string]any

func processOfBundle(document object) object {
	process, _ := document["process"].(object)
	return process
}

func processItself(document object) object { return document }

// boundingSet reads the capabilities that this process can hand on.
func boundingSet(statusPath string) (uint64, error) {
	status, err := os.ReadFile(statusPath)
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(status), "\n") {
		if set, found := strings.CutPrefix(line, "CapBnd:"); found {
			return strconv.ParseUint(strings.TrimSpace(set), 16, 64)
		}
	}
	return 0, fmt.Errorf("%s has no line CapBnd", statusPath)
}

// restrict removes from an OCI process what cannot be granted and tells
// whether it changed anything. Without CAP_SYS_RESOURCE that is also a resource
// limit above the present one and an OOM score below zero.
func restrict(process object, granted uint64) bool {
	changed := false
	capabilities, _ := process["capabilities"].(object)
	for kind, listed := range capabilities {
		names, _ := listed.([]any)
		kept := make([]any, 0, len(names))
		for _, name := range names {
			if isGranted(name, granted) {
				kept = append(kept, name)
			}
		}
		if len(kept) != len(names) {
			capabilities[kind] = kept
			changed = true
		}
	}
	if granted&(1<<capSysResource) != 0 {
		return changed
	}
	if _, limited := process["rlimits"]; limited {
		delete(process, "rlimits")
		changed = true
	}
	if score, isNumber := process["oomScoreAdj"].(json.Number); isNumber &&
		strings.HasPrefix(score.String(), "-") {
		process["oomScoreAdj"] = 0
		changed = true
	}
	return changed
}

func isGranted(name any, granted uint64) bool {
	for number, known := range capabilityNames {
		if known == name {
			return granted&(1<<number) != 0
		}
	}
	return false
}

// rewrite restricts the process described in a file, in place: a file is
// replaced by rename, so that nobody reads half of it.
func rewrite(path string, granted uint64, find func(object) object) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber() // device numbers and limits do not fit a float
	var document object
	if err := decoder.Decode(&document); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	process := find(document)
	if process == nil || !restrict(process, granted) {
		return nil
	}
	edited, err := json.Marshal(document)
	if err != nil {
		return err
	}
	temporary := path + ".wrapper"
	if err := os.WriteFile(temporary, edited, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
