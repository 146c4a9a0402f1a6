//go:build tools

// Package tools names the programs that are built, so that go.sum covers all that they need.
package tools

import (
	_ "github.com/containernetworking/plugins/plugins/meta/flannel"
)
