// A client of the Load Reporting Service on grpc-go. It behaves and prints as ../grpcio_reporter.py does.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"io/ioutil"
	"log"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"loadtap/raw"
)

type tlsFiles struct{ ca, cert, key, name string }

func (files tlsFiles) option() grpc.DialOption {
	if files.ca == "" {
		return grpc.WithInsecure()
	}
	content, err := ioutil.ReadFile(files.ca)
	if err != nil {
		log.Fatal(err)
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: files.name}
	config.RootCAs.AppendCertsFromPEM(content)
	if files.cert != "" {
		certificate, err := tls.LoadX509KeyPair(files.cert, files.key)
		if err != nil {
			log.Fatal(err)
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	return grpc.WithTransportCredentials(credentials.NewTLS(config))
}

// headers of the stream: NAME=VALUE, repeatable.
type headers []string

func (list *headers) String() string { return strings.Join(*list, ",") }
func (list *headers) Set(value string) error {
	*list = append(*list, strings.SplitN(value, "=", 2)...)
	return nil
}

func send(stream grpc.ClientStream) {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		message, err := hex.DecodeString(lines.Text())
		if err != nil {
			log.Fatal(err)
		}
		if stream.SendMsg(&message) != nil {
			return // the receiver says why
		}
	}
	stream.CloseSend()
}

func main() {
	call := flag.String("call", "", "ADDRESS:PORT of the management server")
	var files tlsFiles
	flag.StringVar(&files.ca, "tls-ca", "", "PEM file; TLS is spoken")
	flag.StringVar(&files.cert, "tls-cert", "", "PEM file")
	flag.StringVar(&files.key, "tls-key", "", "PEM file")
	flag.StringVar(&files.name, "tls-name", "", "whom the server's certificate has to name")
	var extra headers
	flag.Var(&extra, "header", "NAME=VALUE, sent with the stream (repeatable)")
	flag.Parse()

	connection, err := grpc.Dial(*call, files.option())
	if err != nil {
		log.Fatal(err)
	}
	stream, err := raw.OpenLoadStats(metadata.AppendToOutgoingContext(context.Background(), extra...), connection)
	if err == nil {
		go send(stream)
	}
	for err == nil {
		var response []byte
		if err = stream.RecvMsg(&response); err == nil {
			fmt.Printf("response %x\n", response)
		}
	}
	if err == io.EOF {
		err = nil
	}
	fmt.Println("end", uint32(status.Code(err)), err)
}
