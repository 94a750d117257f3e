module dohyo.dev/cluster/native

go 1.22
