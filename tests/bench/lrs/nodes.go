// Many nodes that report to one management server, each on a connection of its own, with grpc-go:
//
//	nodes -call ADDRESS:PORT -nodes 1000 -seconds 10 -interval 1s [-tls-ca FILE]
//
// The message comes on standard input in hexadecimal; a node says its name before it. Prints "ready"
// once all have an answer, then how many messages were sent.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"flag"
	"fmt"
	"io/ioutil"
	"log"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"loadtap/raw"
)

func dialOption(ca string) grpc.DialOption {
	if ca == "" {
		return grpc.WithInsecure()
	}
	content, err := ioutil.ReadFile(ca)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(content)
	return grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: roots}))
}

// A LoadStatsRequest with a node alone: {id, cluster}.
func named(i int) []byte {
	id := fmt.Sprintf("node-%05d", i)
	node := append([]byte{0x0a, byte(len(id))}, id...)
	node = append(node, "\x12\x05bench"...)
	return append([]byte{0x0a, byte(len(node))}, node...)
}

func open(call string, option grpc.DialOption, i int) grpc.ClientStream {
	connection, err := grpc.Dial(call, option)
	if err != nil {
		log.Fatal(err)
	}
	stream, err := raw.OpenLoadStats(context.Background(), connection)
	if err != nil {
		log.Fatal(err)
	}
	first, answer := named(i), []byte{}
	if err := stream.SendMsg(&first); err != nil {
		log.Fatal(err)
	}
	if err := stream.RecvMsg(&answer); err != nil {
		log.Fatal(err)
	}
	return stream
}

func main() {
	call := flag.String("call", "", "ADDRESS:PORT")
	nodes := flag.Int("nodes", 1000, "connections")
	seconds := flag.Int("seconds", 10, "how long")
	interval := flag.Duration("interval", time.Second, "between two messages of a node")
	ca := flag.String("tls-ca", "", "PEM file; TLS is spoken")
	flag.Parse()

	lines := bufio.NewReader(os.Stdin)
	line, _ := lines.ReadString('\n')
	message, err := hex.DecodeString(strings.TrimSpace(line))
	if err != nil {
		log.Fatal(err)
	}
	streams := make([]grpc.ClientStream, *nodes)
	for i := range streams {
		streams[i] = open(*call, dialOption(*ca), i)
	}
	fmt.Println("ready")

	var sent int64
	var all sync.WaitGroup
	end := time.Now().Add(time.Duration(*seconds) * time.Second)
	for i, stream := range streams {
		all.Add(1)
		go func(i int, stream grpc.ClientStream) {
			defer all.Done()
			time.Sleep(*interval * time.Duration(i) / time.Duration(*nodes)) // spread over an interval
			for tick := time.NewTicker(*interval); time.Now().Before(end); <-tick.C {
				if err := stream.SendMsg(&message); err != nil {
					log.Fatal(err)
				}
				atomic.AddInt64(&sent, 1)
			}
		}(i, stream)
	}
	all.Wait()
	time.Sleep(time.Second)
	fmt.Println("sent", sent)
}
