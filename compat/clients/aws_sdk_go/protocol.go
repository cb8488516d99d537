package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"strconv"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// A request's words, by name; those that were left out are empty.
type words map[string]string

func (w words) number(name string) int64 {
	number, err := strconv.ParseInt(w[name], 10, 64)
	if err != nil {
		panic(name + " is not a number: " + w[name])
	}
	return number
}

// Text or nil, as the SDK has what may be left out.
func (w words) text(name string) *string {
	if value, there := w[name]; there {
		return &value
	}
	return nil
}

// Why the client has no means for a command.
type cannot string

func (reason cannot) Error() string { return string(reason) }

type command func(words) (any, error)

// Answers one line of JSON on the standard input with one on the standard output, to the end.
func serve(commands map[string]command) {
	lines := bufio.NewReader(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		if err := answers.Encode(answer(commands, line)); err != nil {
			panic(err)
		}
	}
}

func answer(commands map[string]command, line []byte) map[string]any {
	asked := words{}
	if err := json.Unmarshal(line, &asked); err != nil {
		return map[string]any{"failed": err.Error()}
	}
	run, there := commands[asked["command"]]
	if !there {
		return map[string]any{"cannot": "has no " + asked["command"]}
	}
	result, err := run(asked)
	var reason cannot
	if errors.As(err, &reason) {
		return map[string]any{"cannot": reason}
	}
	if err != nil {
		return map[string]any{"failed": told(err)}
	}
	return map[string]any{"result": result}
}

// The status, which not every error of the SDK shows, and its text.
func told(err error) string {
	var answered *awshttp.ResponseError
	if errors.As(err, &answered) {
		return strconv.Itoa(answered.HTTPStatusCode()) + " " + err.Error()
	}
	return err.Error()
}
