// Sends one object in every combination of checksum and kind of upload that minio-go knows over HTTP, with
// trailing headers as current programs use them, and prints a line for each: its name, a tab, and "ok" or
// what went wrong.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const partSize = 5 << 20

type upload struct {
	name    string
	size    int64
	content []byte
	sha256  bool
}

func main() {
	endpoint, accessKey, secretKey, bucket := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	client, err := minio.New(endpoint, &minio.Options{
		Creds:           credentials.NewStaticV4(accessKey, secretKey, ""),
		Region:          "us-east-1",
		TrailingHeaders: true,
		MaxRetries:      1,
	})
	if err != nil {
		panic(err)
	}
	small, large := bytes.Repeat([]byte("0123456789"), 7000), bytes.Repeat([]byte("0123456789"), 600000)
	uploads := []upload{
		{"plain", int64(len(small)), small, true},
		{"unsigned", int64(len(small)), small, false},
		{"parts", int64(len(large)), large, true},
		{"stream", -1, large, true},
		{"empty", 0, nil, true},
	}
	checksums := map[string]minio.ChecksumType{
		"none": minio.ChecksumNone, "crc32": minio.ChecksumCRC32, "crc32c": minio.ChecksumCRC32C,
		"crc64nvme": minio.ChecksumCRC64NVME, "sha1": minio.ChecksumSHA1, "sha256": minio.ChecksumSHA256,
	}
	for _, each := range uploads {
		for name, checksum := range checksums {
			key := each.name + "-" + name
			fmt.Printf("%s\t%s\n", key, try(client, bucket, key, each, checksum))
		}
	}
}

func try(client *minio.Client, bucket, key string, each upload, checksum minio.ChecksumType) string {
	ctx := context.Background()
	_, err := client.PutObject(ctx, bucket, key, bytes.NewReader(each.content), each.size, minio.PutObjectOptions{
		Checksum: checksum, PartSize: partSize, DisableContentSha256: !each.sha256,
	})
	if err != nil {
		return "put: " + err.Error()
	}
	object, err := client.GetObject(ctx, bucket, key, minio.GetObjectOptions{Checksum: true})
	if err != nil {
		return "get: " + err.Error()
	}
	found, err := io.ReadAll(object)
	if err != nil {
		return "read: " + err.Error()
	}
	if !bytes.Equal(found, each.content) {
		return "other bytes came back"
	}
	return "ok"
}
