// gRPC calls on grpc-go, both sides; it behaves and prints as ../grpcio_peer.py does.
//
//	peer -listen ADDRESS:PORT [-age 300ms]
//	peer -call ADDRESS:PORT [-streams 10] COUNT:METHOD:QUERY...
//
// The first message of a call is a query, e.g. status=14&messages=3&size=1000, that tells the server
// what to do. The server prints on SIGTERM "issued N success N error N none N"; the client
// "CODE COUNT" for each code, "none" for the calls that it cancelled.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"loadtap/raw"
)

const (
	service    = "/loadtap.test.Calls/"
	headersMax = 1 << 20
)

type tally struct {
	lock   sync.Mutex
	counts map[string]int
}

func (t *tally) add(what string) {
	t.lock.Lock()
	t.counts[what]++
	t.lock.Unlock()
}

var served = tally{counts: map[string]int{}}

func resultOf(code codes.Code) string {
	switch code {
	case codes.Unknown, codes.DeadlineExceeded, codes.Unimplemented, codes.Internal,
		codes.Unavailable, codes.DataLoss:
		return "error"
	}
	return "success"
}

func number(query url.Values, name string, otherwise int) int {
	if value, err := strconv.Atoi(query.Get(name)); err == nil {
		return value
	}
	return otherwise
}

// --- server ---------------------------------------------------------------------

func serveCall(_ interface{}, stream grpc.ServerStream) error {
	served.add("issued")
	err := answer(stream)
	if stream.Context().Err() != nil {
		served.add("none")
	} else {
		served.add(resultOf(status.Code(err)))
	}
	return err
}

func answer(stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	var first []byte
	if err := stream.RecvMsg(&first); err != nil {
		return err
	}
	query, err := url.ParseQuery(string(first))
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	if query.Get("early") == "" {
		if err := readAll(stream); err != nil {
			return err
		}
	}
	if size := number(query, "metadata", 0); size > 0 {
		stream.SetHeader(metadata.Pairs("x-big", strings.Repeat("m", size)))
	}
	code := codes.Code(number(query, "status", 0))
	if code == codes.OK || query.Get("head") != "" || strings.HasSuffix(method, "replies") {
		if err := reply(stream, method, query); err != nil {
			return err
		}
	}
	return status.Error(code, "as asked")
}

func readAll(stream grpc.ServerStream) error {
	for {
		var more []byte
		if err := stream.RecvMsg(&more); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func reply(stream grpc.ServerStream, method string, query url.Values) error {
	if query.Get("head") != "" {
		stream.SendHeader(nil)
		if query.Get("status") != "" {
			return nil
		}
	}
	messages := 1
	if strings.HasSuffix(method, "replies") {
		messages = number(query, "messages", 1)
	}
	message := make([]byte, number(query, "size", 10))
	for ; messages > 0; messages-- {
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
	if query.Get("hold") != "" {
		<-stream.Context().Done()
	}
	return nil
}

func serve(address string, age time.Duration) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	options := []grpc.ServerOption{grpc.UnknownServiceHandler(unknown),
		grpc.MaxHeaderListSize(headersMax), grpc.MaxConcurrentStreams(5000)}
	if age > 0 {
		options = append(options, grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionAge: age, MaxConnectionAgeGrace: 10 * time.Second}))
	}
	server := grpc.NewServer(options...)
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	go func() {
		<-asked
		server.GracefulStop()
	}()
	if err := server.Serve(listener); err != nil {
		log.Fatal(err)
	}
	fmt.Println("issued", served.counts["issued"], "success", served.counts["success"],
		"error", served.counts["error"], "none", served.counts["none"])
}

// Every method comes here, as none is registered.
func unknown(_ interface{}, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	if strings.HasPrefix(method, service) {
		return serveCall(nil, stream)
	}
	served.add("issued")
	served.add("error")
	return status.Error(codes.Unimplemented, method)
}

// --- client ---------------------------------------------------------------------

type call struct {
	method, query string
}

var errCancelled = errors.New("cancelled by this client")

func (c call) run(connection *grpc.ClientConn) error {
	first := []byte(c.query)
	query, _ := url.ParseQuery(c.query)
	path := service + c.method
	if c.method == "nowhere" {
		path = "/nowhere/at-all"
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if size := number(query, "send", 0); size > 0 {
		ctx = metadata.AppendToOutgoingContext(ctx, "x-big", strings.Repeat("s", size))
	}
	if c.method == "unary" || c.method == "nowhere" {
		var response []byte
		return connection.Invoke(ctx, path, &first, &response)
	}
	stream, err := connection.NewStream(ctx,
		&grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, path)
	if err != nil {
		return err
	}
	return c.stream(stream, query, first, cancel)
}

func (c call) stream(stream grpc.ClientStream, query url.Values, first []byte, cancel func()) error {
	message := make([]byte, number(query, "size", 10))
	err := stream.SendMsg(&first)
	for more := number(query, "requests", 1); err == nil && more > 1; more-- {
		err = stream.SendMsg(&message)
	}
	if err == nil && query.Get("early") == "" {
		err = stream.CloseSend()
	}
	for err == nil || err == io.EOF {
		var response []byte
		if err = stream.RecvMsg(&response); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if query.Get("cancel") != "" {
			cancel()
			return errCancelled
		}
	}
	return err
}

func resultName(err error) string {
	if err == errCancelled {
		return "none"
	}
	return strconv.Itoa(int(status.Code(err)))
}

func callAll(address string, streams int, plans []string) {
	connection, err := grpc.Dial(address, grpc.WithInsecure(), grpc.WithMaxHeaderListSize(headersMax),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		log.Fatal(err)
	}
	calls := make(chan call)
	results := tally{counts: map[string]int{}}
	var group sync.WaitGroup
	for worker := 0; worker < streams; worker++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for next := range calls {
				results.add(resultName(next.run(connection)))
			}
		}()
	}
	for _, plan := range plans {
		parts := strings.SplitN(plan, ":", 3)
		count, err := strconv.Atoi(parts[0])
		if err != nil || len(parts) != 3 {
			log.Fatal("not COUNT:METHOD:QUERY: ", plan)
		}
		for ; count > 0; count-- {
			calls <- call{parts[1], parts[2]}
		}
	}
	close(calls)
	group.Wait()
	for name, count := range results.counts {
		fmt.Println(name, count)
	}
}

func main() {
	listen := flag.String("listen", "", "address to serve on")
	age := flag.Duration("age", 0, "of a connection, then GOAWAY")
	target := flag.String("call", "", "address to call")
	streams := flag.Int("streams", 10, "calls at once")
	flag.Parse()
	encoding.RegisterCodec(raw.Codec{})
	if *listen != "" {
		serve(*listen, *age)
	} else {
		callAll(*target, *streams, flag.Args())
	}
}
