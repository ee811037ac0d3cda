// The transport's yardstick: grpc-go sends a message again and again on a stream of its own.
//
//	reports ADDRESS FILE COUNT MILLISECONDS
//
// Prints one line of JSON: how many were sent, and the processor time that one took, in nanoseconds. The
// message is raw bytes, so that only sending it is measured, not making it.
package main

import (
	"context"
	"fmt"
	"io/ioutil"
	"log"
	"os"
	"strconv"
	"syscall"
	"time"

	"google.golang.org/grpc"

	"loadtap/raw"
)

func spent() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func open(address string) grpc.ClientStream {
	connection, err := grpc.Dial(address, grpc.WithInsecure(), grpc.WithBlock())
	if err != nil {
		log.Fatal(err)
	}
	stream, err := raw.OpenLoadStats(context.Background(), connection)
	if err != nil {
		log.Fatal(err)
	}
	return stream
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil || value < 1 {
		log.Fatal("not a number: ", text)
	}
	return value
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("reports ADDRESS FILE COUNT MILLISECONDS")
	}
	message, err := ioutil.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	stream, count := open(os.Args[1]), number(os.Args[3])
	each := time.Duration(number(os.Args[4])) * time.Millisecond
	before := spent()
	for i := 0; i < count; i++ {
		if err := stream.SendMsg(&message); err != nil {
			log.Fatal(err)
		}
		time.Sleep(each)
	}
	fmt.Printf("{\"sent\": %d, \"ns\": %d}\n", count, (spent()-before)/int64(count))
}
