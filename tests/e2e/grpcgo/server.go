// A management server on grpc-go, to see that loadtap and it agree. It behaves and prints as
// ../grpcio_server.py does.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"flag"
	"fmt"
	"io/ioutil"
	"log"
	"net"
	"sort"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"loadtap/raw"
)

type stringList []string

func (list *stringList) String() string { return strings.Join(*list, ",") }
func (list *stringList) Set(value string) error {
	*list = append(*list, value)
	return nil
}

type settings struct {
	clusters           stringList
	interval           time.Duration
	sendAll, endpoints bool
	endAfter           int
}

func varint(out []byte, value uint64) []byte {
	var buffer [binary.MaxVarintLen64]byte
	return append(out, buffer[:binary.PutUvarint(buffer[:], value)]...)
}

func block(out []byte, number uint64, content []byte) []byte {
	out = varint(out, number<<3|2)
	out = varint(out, uint64(len(content)))
	return append(out, content...)
}

func scalar(out []byte, number, value uint64) []byte {
	if value == 0 {
		return out
	}
	return varint(varint(out, number<<3), value)
}

func flagValue(set bool) uint64 {
	if set {
		return 1
	}
	return 0
}

func loadStatsResponse(s settings) []byte {
	var out, interval []byte
	for _, name := range s.clusters {
		out = block(out, 1, []byte(name))
	}
	interval = scalar(interval, 1, uint64(s.interval/time.Second))
	interval = scalar(interval, 2, uint64(s.interval%time.Second))
	out = block(out, 2, interval)
	out = scalar(out, 3, flagValue(s.endpoints))
	return scalar(out, 4, flagValue(s.sendAll))
}

func describe(md metadata.MD) string {
	var pairs []string
	for key, values := range md {
		for _, value := range values {
			pairs = append(pairs, key+"="+strings.Replace(value, " ", "+", -1))
		}
	}
	sort.Strings(pairs)
	return strings.Join(pairs, " ")
}

// The client, as its certificate names it, and what TLS agreed on.
func who(ctx context.Context) metadata.MD {
	client, _ := peer.FromContext(ctx)
	info, ok := client.AuthInfo.(credentials.TLSInfo)
	if !ok {
		return nil
	}
	md := metadata.Pairs("tls-alpn", info.State.NegotiatedProtocol, "tls-name", info.State.ServerName)
	if chain := info.State.PeerCertificates; len(chain) > 0 {
		md.Append("tls-peer", chain[0].Subject.CommonName)
	}
	return md
}

func streamLoadStats(server interface{}, stream grpc.ServerStream) error {
	s := server.(settings)
	md, _ := metadata.FromIncomingContext(stream.Context())
	fmt.Println("stream", describe(metadata.Join(md, who(stream.Context()))))
	defer fmt.Println("ended")
	for count := 1; ; count++ {
		var request []byte
		if err := stream.RecvMsg(&request); err != nil {
			return err
		}
		fmt.Printf("request %x\n", request)
		if count == 1 {
			response := loadStatsResponse(s)
			if err := stream.SendMsg(&response); err != nil {
				return err
			}
		}
		if count == s.endAfter {
			return status.Error(codes.Unavailable, "told to end")
		}
	}
}

type tlsFiles struct{ cert, key, clientCA string }

func (files tlsFiles) options() []grpc.ServerOption {
	if files.cert == "" {
		return nil
	}
	certificate, err := tls.LoadX509KeyPair(files.cert, files.key)
	if err != nil {
		log.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	if files.clientCA != "" {
		content, err := ioutil.ReadFile(files.clientCA)
		if err != nil {
			log.Fatal(err)
		}
		config.ClientCAs = x509.NewCertPool()
		config.ClientCAs.AppendCertsFromPEM(content)
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return []grpc.ServerOption{grpc.Creds(credentials.NewTLS(config))}
}

func main() {
	var s settings
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	flag.Var(&s.clusters, "cluster", "cluster to ask for (repeatable)")
	flag.DurationVar(&s.interval, "interval", time.Second, "load reporting interval")
	flag.BoolVar(&s.sendAll, "send-all", false, "ask for all clusters")
	flag.BoolVar(&s.endpoints, "endpoints", false, "report_endpoint_granularity")
	flag.IntVar(&s.endAfter, "end-after", 0, "requests after which a stream ends; 0: never")
	var files tlsFiles
	flag.StringVar(&files.cert, "tls-cert", "", "PEM file; TLS is spoken")
	flag.StringVar(&files.key, "tls-key", "", "PEM file")
	flag.StringVar(&files.clientCA, "tls-client-ca", "", "PEM file; clients have to have a certificate")
	flag.Parse()

	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	encoding.RegisterCodec(raw.Codec{})
	server := grpc.NewServer(files.options()...)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "envoy.service.load_stats.v3.LoadReportingService",
		HandlerType: (*interface{})(nil),
		Streams: []grpc.StreamDesc{{
			StreamName:    "StreamLoadStats",
			Handler:       streamLoadStats,
			ServerStreams: true,
			ClientStreams: true,
		}},
	}, s)
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(server.Serve(listener))
}
