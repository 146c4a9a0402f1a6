module golint

go 1.24
