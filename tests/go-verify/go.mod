module go-verify

go 1.21
