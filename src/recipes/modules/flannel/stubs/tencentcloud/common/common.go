// Package common stands in for the Tencent Cloud SDK, so that flanneld builds without it.
package common

// StringPtr is a pointer to the string.
func StringPtr(v string) *string { return &v }

// StringPtrs is a pointer to each string.
func StringPtrs(values []string) []*string {
	pointers := make([]*string, len(values))
	for i := range values {
		pointers[i] = &values[i]
	}
	return pointers
}

// BoolPtr is a pointer to the bool.
func BoolPtr(v bool) *bool { return &v }
