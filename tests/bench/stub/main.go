// A store that keeps objects in memory and answers as S3 does, for measurements alone: it checks no signature and
// no digest. Prints its port, then serves until its standard input ends.
package main

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const modified = "Fri, 12 Jun 2026 09:05:29 GMT"

type object struct {
	size   int64
	etag   string
	sample []byte // nil: zeros
	crc32  string // of the whole, in base64, as the client said
}

type store struct {
	sync.RWMutex
	objects map[string]object
	parts   map[string]map[int]object
	whole   map[string]bool // uploads that keep a checksum of the whole
	delay   time.Duration
	keys    int
	calls   atomic.Int64
	heads   atomic.Int64
	open    atomic.Int64
	most    atomic.Int64
}

var zeros = make([]byte, 1<<20)

var buffers = sync.Pool{New: func() any { b := make([]byte, 1<<20); return &b }}

// put computes the MD5 of small files only, for the server must not be what is measured.
func (s *store) put(w http.ResponseWriter, r *http.Request, path string, q url.Values) {
	size := r.ContentLength
	if decoded := r.Header.Get("X-Amz-Decoded-Content-Length"); decoded != "" {
		size, _ = strconv.ParseInt(decoded, 10, 64)
	}
	var etag string
	var sample []byte
	if r.ContentLength <= 1<<16 {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		sum := md5.Sum(data)
		etag = hex.EncodeToString(sum[:])
		sample = data
	} else {
		buffer := buffers.Get().(*[]byte)
		_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r.Body}, *buffer)
		buffers.Put(buffer)
		if err != nil {
			return
		}
		etag = fmt.Sprintf("%032x", size)
		// A client that compares it gets what it sent, for no work here.
		if sum, err := base64.StdEncoding.DecodeString(r.Header.Get("Content-MD5")); err == nil && len(sum) == 16 {
			etag = hex.EncodeToString(sum)
		}
	}
	s.Lock()
	if id := q.Get("uploadId"); id != "" {
		number, _ := strconv.Atoi(q.Get("partNumber"))
		s.parts[id][number] = object{size, etag, nil, ""}
	} else {
		s.objects[path] = object{size, etag, sample, ""}
	}
	s.Unlock()
	w.Header().Set("ETag", `"`+etag+`"`)
}

func (s *store) post(w http.ResponseWriter, r *http.Request, path string, q url.Values) {
	io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/xml")
	bucket, key, _ := strings.Cut(path, "/")
	s.Lock()
	defer s.Unlock()
	if q.Has("uploads") {
		id := strconv.FormatInt(s.calls.Load(), 10)
		s.parts[id] = map[int]object{}
		if r.Header.Get("X-Amz-Checksum-Algorithm") == "CRC32" && r.Header.Get("X-Amz-Checksum-Type") == "FULL_OBJECT" {
			s.whole[id] = true
			w.Header().Set("X-Amz-Checksum-Algorithm", "CRC32")
			w.Header().Set("X-Amz-Checksum-Type", "FULL_OBJECT")
		}
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><Bucket>%s</Bucket><Key>%s</Key><UploadId>%s</UploadId></InitiateMultipartUploadResult>", bucket, key, id)
		return
	}
	id := q.Get("uploadId")
	parts := s.parts[id]
	var size int64
	sums := md5.New()
	for number := 1; number <= len(parts); number++ {
		size += parts[number].size
		sum, _ := hex.DecodeString(parts[number].etag)
		sums.Write(sum)
	}
	etag := fmt.Sprintf("%x-%d", sums.Sum(nil), len(parts))
	checksum, told := "", ""
	if s.whole[id] {
		checksum = r.Header.Get("X-Amz-Checksum-Crc32")
		told = "<ChecksumCRC32>" + checksum + "</ChecksumCRC32><ChecksumType>FULL_OBJECT</ChecksumType>"
	}
	s.objects[path] = object{size, etag, nil, checksum}
	delete(s.parts, id)
	delete(s.whole, id)
	fmt.Fprintf(w, `<CompleteMultipartUploadResult><Bucket>%s</Bucket><Key>%s</Key><ETag>"%s"</ETag>%s</CompleteMultipartUploadResult>`, bucket, key, etag, told)
}

func (s *store) list(w http.ResponseWriter, path string, q url.Values) {
	bucket := strings.TrimSuffix(path, "/")
	prefix := bucket + "/" + q.Get("prefix")
	after := q.Get("continuation-token")
	var names []string
	if s.keys > 0 {
		start, _ := strconv.Atoi(after)
		for n := start; n < min(start+1000, s.keys); n++ {
			names = append(names, fmt.Sprintf("%s/in/%07d.bin", bucket, n))
		}
	} else {
		s.RLock()
		for name := range s.objects {
			if strings.HasPrefix(name, prefix) && name > after {
				names = append(names, name)
			}
		}
		s.RUnlock()
		sort.Strings(names)
	}
	more, next := false, ""
	if s.keys > 0 {
		start, _ := strconv.Atoi(after)
		more, next = start+1000 < s.keys, strconv.Itoa(start+1000)
	} else if len(names) > 1000 {
		more, names = true, names[:1000]
		next = names[999]
	}
	w.Header().Set("Content-Type", "application/xml")
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>%s</Name><Prefix>%s</Prefix><KeyCount>%d</KeyCount><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType><IsTruncated>%t</IsTruncated>`, bucket, q.Get("prefix"), len(names), more)
	if more {
		fmt.Fprintf(&b, "<NextContinuationToken>%s</NextContinuationToken>", next)
	}
	for _, name := range names {
		s.RLock()
		one := s.objects[name]
		s.RUnlock()
		fmt.Fprintf(&b, `<Contents><Key>%s</Key><LastModified>2026-06-12T09:05:29.000Z</LastModified><ETag>"%s"</ETag><Size>%d</Size><StorageClass>STANDARD</StorageClass></Contents>`, strings.TrimPrefix(name, bucket+"/"), one.etag, one.size)
	}
	b.WriteString("</ListBucketResult>")
	io.WriteString(w, b.String())
}

func (s *store) get(w http.ResponseWriter, r *http.Request, path string) {
	s.RLock()
	found, ok := s.objects[path]
	s.RUnlock()
	if !ok {
		if !strings.Contains(path, "/") {
			return
		}
		w.WriteHeader(404)
		if r.Method == "GET" {
			io.WriteString(w, "<Error><Code>NoSuchKey</Code><Message>none</Message></Error>")
		}
		return
	}
	start, end := int64(0), found.size
	status := 200
	if span := strings.TrimPrefix(r.Header.Get("Range"), "bytes="); span != "" {
		from, to, _ := strings.Cut(span, "-")
		start, _ = strconv.ParseInt(from, 10, 64)
		if to != "" {
			last, _ := strconv.ParseInt(to, 10, 64)
			end = min(last+1, found.size)
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, end-1, found.size))
		status = 206
	}
	w.Header().Set("ETag", `"`+found.etag+`"`)
	if status == 200 && found.crc32 != "" && r.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" {
		w.Header().Set("X-Amz-Checksum-Crc32", found.crc32)
		w.Header().Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
	w.Header().Set("Last-Modified", modified)
	w.Header().Set("Accept-Ranges", "bytes")
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(end-start, 10))
	w.WriteHeader(status)
	if r.Method == "HEAD" {
		return
	}
	if found.sample != nil {
		w.Write(found.sample[start:end])
		return
	}
	for left := end - start; left > 0; {
		n, err := w.Write(zeros[:min(left, int64(len(zeros)))])
		if err != nil {
			return
		}
		left -= int64(n)
	}
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.calls.Add(1)
	path := strings.TrimPrefix(r.URL.Path, "/")
	q := r.URL.Query()
	if path == "_stats" {
		fmt.Fprintf(w, `{"calls": %d, "heads": %d, "connections": %d}`, s.calls.Swap(0)-1, s.heads.Swap(0), s.most.Swap(s.open.Load()))
		return
	}
	if r.Method == "HEAD" {
		s.heads.Add(1)
	}
	if s.delay > 0 {
		time.Sleep(s.delay)
	}
	_, key, _ := strings.Cut(path, "/")
	switch {
	case path == "":
		w.Header().Set("Content-Type", "application/xml")
		io.WriteString(w, "<ListAllMyBucketsResult><Buckets><Bucket><Name>bench</Name><CreationDate>2026-06-12T09:05:29.000Z</CreationDate></Bucket></Buckets></ListAllMyBucketsResult>")
	case r.Method == "PUT" && key != "":
		s.put(w, r, path, q)
	case r.Method == "POST":
		s.post(w, r, path, q)
	case r.Method == "GET" && key == "" && q.Has("location"):
		io.WriteString(w, `<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></LocationConstraint>`)
	case r.Method == "GET" && key == "":
		s.list(w, path, q)
	case r.Method == "DELETE":
		s.Lock()
		delete(s.objects, path)
		s.Unlock()
		w.WriteHeader(204)
	case r.Method == "PUT":
	default:
		s.get(w, r, path)
	}
}

func main() {
	delay := flag.Duration("delay", 0, "added to each answer")
	keys := flag.Int("keys", 0, "so many made-up keys in each listing")
	flag.Parse()
	s := &store{objects: map[string]object{}, parts: map[string]map[int]object{}, whole: map[string]bool{}, delay: *delay, keys: *keys}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	server := &http.Server{Handler: s, ConnState: func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open := s.open.Add(1)
			for most := s.most.Load(); open > most && !s.most.CompareAndSwap(most, open); most = s.most.Load() {
			}
		case http.StateClosed, http.StateHijacked:
			s.open.Add(-1)
		}
	}}
	go server.Serve(listener)
	io.Copy(io.Discard, os.Stdin)
}
