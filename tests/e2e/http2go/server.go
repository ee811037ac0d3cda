// An HTTP/2 upstream on Go's golang.org/x/net/http2, prior knowledge and Upgrade: h2c.
//
// On SIGTERM it prints what it counted, a line for each address that was dialled:
// "ADDRESS issued N success N error N".
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
)

type row struct{ issued, success, failed int }

var (
	lock   sync.Mutex
	counts = map[string]*row{}
	paths  = map[string]func(http.ResponseWriter, *http.Request){
		"/missing":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
		"/unavailable": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		"/large":       func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1<<20)) },
		"/headers":     headers,
		"/interim":     interim,
		"/trailers":    trailers,
		"/read":        read,
		"/abort":       func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
)

func headers(w http.ResponseWriter, r *http.Request) {
	for number := 0; number < 40; number++ {
		w.Header().Set(fmt.Sprintf("x-big-%d", number), strings.Repeat("h", 900)+r.URL.RawQuery)
	}
	w.WriteHeader(200)
}

func interim(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("link", "</x>")
	w.WriteHeader(102)
	w.WriteHeader(103)
	fmt.Fprint(w, "ok")
}

func trailers(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("trailer", "x-end, grpc-status")
	fmt.Fprint(w, "ok")
	w.Header().Set("x-end", "503")
	w.Header().Set("grpc-status", "14")
}

func read(w http.ResponseWriter, r *http.Request) {
	size, _ := io.Copy(io.Discard, r.Body)
	fmt.Fprint(w, size)
}

func respond(w http.ResponseWriter, r *http.Request) {
	count(r)
	if path := paths[r.URL.Path]; path != nil {
		path(w, r)
	} else {
		fmt.Fprint(w, "ok")
	}
}

func count(r *http.Request) {
	address := r.Context().Value(http.LocalAddrContextKey).(net.Addr).String()
	lock.Lock()
	defer lock.Unlock()
	if counts[address] == nil {
		counts[address] = &row{}
	}
	counts[address].issued++
	if r.URL.Path == "/abort" || r.URL.Path == "/unavailable" {
		counts[address].failed++
	} else {
		counts[address].success++
	}
}

func printCounts() {
	lock.Lock()
	for address, row := range counts {
		fmt.Println(address, "issued", strconv.Itoa(row.issued), "success", row.success,
			"error", row.failed)
	}
	os.Exit(0)
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	flag.Parse()
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	go func() {
		<-asked
		printCounts()
	}()
	server := http.Server{Addr: *listen, MaxHeaderBytes: 1 << 20, Handler: h2c.NewHandler(
		http.HandlerFunc(respond), &http2.Server{MaxConcurrentStreams: 5000})}
	log.Fatal(server.ListenAndServe())
}
