// An HTTP/2 client on Go's golang.org/x/net/http2: -count requests for the paths in turn, -streams of
// them at once on one connection. A path that begins with POST: sends a body. Every fiftieth request
// has headers of more than a frame.
//
// Prints a line for each status: "STATUS COUNT", the status "reset" where there was none.
package main

import (
	"bytes"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/net/http2"
)

func ask(client *http.Client, base, path string, number int) string {
	method, body := "GET", []byte(nil)
	if strings.HasPrefix(path, "POST:") {
		method, path, body = "POST", path[5:], make([]byte, 30000)
	}
	request, err := http.NewRequest(method, base+path, bytes.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("x-number", strconv.Itoa(number))
	request.Header.Set("cookie", fmt.Sprint("a=1; b=", number%3, "; status=503"))
	for big := 0; number%50 == 49 && big < 20; big++ {
		request.Header.Set(fmt.Sprint("x-big-", big), strings.Repeat("b", 900))
	}
	response, err := client.Do(request)
	if err != nil {
		return "reset"
	}
	io.Copy(io.Discard, response.Body)
	response.Body.Close()
	return strconv.Itoa(response.StatusCode)
}

func main() {
	base := flag.String("base", "", "http://address:port")
	count := flag.Int("count", 100, "requests")
	streams := flag.Int("streams", 10, "at once")
	flag.Parse()
	client := &http.Client{Transport: &http2.Transport{
		AllowHTTP: true,
		DialTLS: func(network, address string, _ *tls.Config) (net.Conn, error) {
			return net.Dial(network, address)
		},
	}}
	numbers := make(chan int)
	statuses := map[string]int{}
	var lock sync.Mutex
	var group sync.WaitGroup
	for worker := 0; worker < *streams; worker++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for number := range numbers {
				status := ask(client, *base, flag.Arg(number%flag.NArg()), number)
				lock.Lock()
				statuses[status]++
				lock.Unlock()
			}
		}()
	}
	for number := 0; number < *count; number++ {
		numbers <- number
	}
	close(numbers)
	group.Wait()
	for status, times := range statuses {
		fmt.Println(status, times)
	}
}
