// Package errors stands in for the Tencent Cloud SDK's.
package errors

// TencentCloudSDKError is the SDK's error type; nothing here returns it.
type TencentCloudSDKError struct{ Message string }

// Error is the message.
func (e *TencentCloudSDKError) Error() string { return e.Message }
