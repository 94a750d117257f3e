package main

import "strings"

// Options of runc itself that take a value, so that the value is not mistaken
// for the command.
var globalWithValue = map[string]bool{
	"log": true, "log-format": true, "root": true, "criu": true, "rootless": true,
}

var shortNames = map[string]string{"b": "bundle", "p": "process"}

// parse finds runc's command and those of its options that name a file.
func parse(arguments []string) (command string, options map[string]string) {
	options = map[string]string{}
	for i := 0; i < len(arguments); i++ {
		argument := arguments[i]
		if !strings.HasPrefix(argument, "-") {
			if command == "" {
				command = argument
			}
			continue
		}
		name, value, assigned := strings.Cut(strings.TrimLeft(argument, "-"), "=")
		if long, short := shortNames[name]; short {
			name = long
		}
		takesValue := command == "" && globalWithValue[name] ||
			command != "" && (name == "bundle" || name == "process")
		if takesValue && !assigned && i+1 < len(arguments) {
			i++
			value = arguments[i]
		}
		if command != "" {
			options[name] = value
		}
	}
	return command, options
}
