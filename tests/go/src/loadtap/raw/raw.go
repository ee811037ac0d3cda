// Package raw is grpc-go without generated code: a message is a *[]byte, its bytes on the wire.
package raw

import (
	"context"

	"google.golang.org/grpc"
)

// StreamLoadStats is the path of the Load Reporting Service's only method.
const StreamLoadStats = "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats"

// Codec stands in for the protobuf codec.
type Codec struct{}

func (Codec) Name() string                          { return "proto" }
func (Codec) Marshal(v interface{}) ([]byte, error) { return *v.(*[]byte), nil }
func (Codec) Unmarshal(data []byte, v interface{}) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

// OpenLoadStats begins a call whose messages Codec makes.
func OpenLoadStats(context context.Context, connection *grpc.ClientConn) (grpc.ClientStream, error) {
	description := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	return connection.NewStream(context, description, StreamLoadStats, grpc.ForceCodec(Codec{}))
}
