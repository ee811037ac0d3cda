// Unary gRPC calls as fast as grpc-go makes them, and their server.
//
//	calls serve ADDRESS
//	calls call ADDRESS CONNECTIONS CONCURRENT SECONDS
//
// `call` keeps CONCURRENT calls under way on each of its connections, waits for the last of them, and
// prints one line of JSON, as wrk.lua does. Messages are raw bytes, so no generated code is needed.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"sort"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"

	"loadtap/raw"
)

const method = "/bench.Echo/Call"

var message = []byte("sixteen bytes...")

func echo(_ interface{}, _ context.Context, decode func(interface{}) error,
	_ grpc.UnaryServerInterceptor) (interface{}, error) {
	var request []byte
	err := decode(&request)
	return &request, err
}

func serve(address string) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "bench.Echo",
		HandlerType: (*interface{})(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Call", Handler: echo}},
	}, nil)
	log.Fatal(server.Serve(listener))
}

// callUntil makes one call after another; returns what each took, in microseconds, and the errors.
func callUntil(connection *grpc.ClientConn, end time.Time) (took []int, errors int) {
	for begin := time.Now(); begin.Before(end); {
		var answer []byte
		if err := connection.Invoke(context.Background(), method, &message, &answer); err != nil {
			errors++
		}
		now := time.Now()
		took = append(took, int(now.Sub(begin)/time.Microsecond))
		begin = now
	}
	return took, errors
}

func dial(address string, count int) []*grpc.ClientConn {
	var connections []*grpc.ClientConn
	for i := 0; i < count; i++ {
		connection, err := grpc.Dial(address, grpc.WithInsecure(), grpc.WithBlock())
		if err != nil {
			log.Fatal(err)
		}
		connections = append(connections, connection)
	}
	return connections
}

func call(address string, connections, concurrent, seconds int) {
	var group sync.WaitGroup
	var lock sync.Mutex
	var all []int
	failed := 0
	opened := dial(address, connections)
	begin := time.Now()
	for i := 0; i < connections*concurrent; i++ {
		group.Add(1)
		go func(connection *grpc.ClientConn) {
			defer group.Done()
			took, errors := callUntil(connection, begin.Add(time.Duration(seconds)*time.Second))
			lock.Lock()
			defer lock.Unlock()
			all = append(all, took...)
			failed += errors
		}(opened[i%connections])
	}
	group.Wait()
	lasted := time.Since(begin) / time.Microsecond
	for _, connection := range opened {
		connection.Close()
	}
	sort.Ints(all)
	fmt.Printf("{\"requests\": %d, \"us\": %d, \"p99_us\": %d, \"errors\": %d}\n",
		len(all)-failed, lasted, all[len(all)*99/100], failed)
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil || value < 1 {
		log.Fatal("not a number: ", text)
	}
	return value
}

func main() {
	encoding.RegisterCodec(raw.Codec{})
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		serve(os.Args[2])
	case len(os.Args) == 6 && os.Args[1] == "call":
		call(os.Args[2], number(os.Args[3]), number(os.Args[4]), number(os.Args[5]))
	default:
		log.Fatal("calls serve ADDRESS | calls call ADDRESS CONNECTIONS CONCURRENT SECONDS")
	}
}
