// A client of the Load Reporting Service on grpc-java. It behaves and prints as ../grpcio_reporter.py does,
// without TLS. Run from its source: java @java.options Reporter.java --call ADDRESS:PORT

import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.util.HexFormat;
import java.util.concurrent.CountDownLatch;

public class Reporter {
    static final String METHOD = "envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats";

    // A message is its bytes on the wire.
    static class Raw implements MethodDescriptor.Marshaller<byte[]> {
        public InputStream stream(byte[] message) {
            return new ByteArrayInputStream(message);
        }

        public byte[] parse(InputStream stream) {
            try {
                return stream.readAllBytes();
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }
    }

    static class Printer implements StreamObserver<byte[]> {
        final CountDownLatch ended = new CountDownLatch(1);

        public void onNext(byte[] message) {
            System.out.println("response " + HexFormat.of().formatHex(message));
        }

        public void onError(Throwable error) {
            end(Status.fromThrowable(error));
        }

        public void onCompleted() {
            end(Status.OK);
        }

        void end(Status status) {
            System.out.println("end " + status.getCode().value() + " " + status.getDescription());
            ended.countDown();
        }
    }

    public static void main(String[] words) throws Exception {
        ManagedChannel channel = ManagedChannelBuilder.forTarget(words[1]).usePlaintext().build();
        MethodDescriptor<byte[], byte[]> method = MethodDescriptor.<byte[], byte[]>newBuilder()
            .setType(MethodDescriptor.MethodType.BIDI_STREAMING).setFullMethodName(METHOD)
            .setRequestMarshaller(new Raw()).setResponseMarshaller(new Raw()).build();
        Printer printer = new Printer();
        StreamObserver<byte[]> requests =
            ClientCalls.asyncBidiStreamingCall(channel.newCall(method, CallOptions.DEFAULT), printer);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine())
            requests.onNext(HexFormat.of().parseHex(line));
        requests.onCompleted();
        printer.ended.await();
        channel.shutdownNow();
    }
}
