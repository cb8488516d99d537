import java.io.FileInputStream;
import java.io.InputStream;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.net.URI;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.async.AsyncRequestBody;
import software.amazon.awssdk.core.async.AsyncResponseTransformer;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.apache.ApacheHttpClient;
import software.amazon.awssdk.http.apache5.Apache5HttpClient;
import software.amazon.awssdk.http.async.SdkAsyncHttpClient;
import software.amazon.awssdk.http.crt.AwsCrtAsyncHttpClient;
import software.amazon.awssdk.http.nio.netty.ProxyConfiguration;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3BaseClientBuilder;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.model.GetObjectRequest;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.model.PutObjectResponse;
import software.amazon.awssdk.transfer.s3.S3TransferManager;

/** The SDK over one of its HTTP clients, asked as if all of them blocked. */
final class Clients {
    /** Netty sends a tunnel's CONNECT to every proxy; it finds hosts in `jdk.net.hosts.file`. */
    private static final ProxyConfiguration DIRECT = ProxyConfiguration.builder()
            .useEnvironmentVariableValues(false).useSystemPropertyValues(false).build();

    private final URI endpoint;
    private final boolean virtual;
    private final String http;

    /** `http` is apache, apache5, url-connection, netty, crt, or s3-crt. */
    Clients(URI endpoint, boolean virtual, String http) {
        this.endpoint = endpoint;
        this.virtual = virtual;
        this.http = http;
    }

    /** How a body is sent: in chunks or not, with a checksum that nobody asked for or without. */
    record Framing(boolean chunked, boolean summed) {
        static final Framing USUAL = new Framing(true, true);
    }

    boolean isAsync() {
        return http.equals("netty") || http.endsWith("crt");
    }

    /** What has the operations without bodies. */
    S3Client operations() {
        return isAsync() ? blocking(async(Framing.USUAL, false)) : sync(Framing.USUAL);
    }

    S3TransferManager transfers() {
        return S3TransferManager.builder().s3Client(async(Framing.USUAL, true)).build();
    }

    PutObjectResponse put(PutObjectRequest request, Path file, boolean stream, Framing framing)
            throws Exception {
        if (!isAsync()) {
            try (S3Client client = sync(framing); InputStream body = new FileInputStream(file.toFile())) {
                return client.putObject(request, stream
                        ? RequestBody.fromInputStream(body, file.toFile().length())
                        : RequestBody.fromFile(file));
            }
        }
        try (S3AsyncClient client = async(framing, false); InputStream body = new FileInputStream(file.toFile())) {
            var threads = Executors.newSingleThreadExecutor();
            try {
                return client.putObject(request, stream
                        ? AsyncRequestBody.fromInputStream(body, file.toFile().length(), threads)
                        : AsyncRequestBody.fromFile(file)).join();
            } finally {
                threads.shutdown();
            }
        }
    }

    private S3Client sync(Framing framing) {
        SdkHttpClient client = switch (http) {
            case "apache" -> ApacheHttpClient.builder().tlsTrustManagersProvider(Clients::trusted).build();
            case "apache5" -> Apache5HttpClient.builder().tlsTrustManagersProvider(Clients::trusted).build();
            default -> UrlConnectionHttpClient.builder().tlsTrustManagersProvider(Clients::trusted).build();
        };
        var builder = S3Client.builder().httpClient(client);
        settle(builder, framing);
        return builder.build();
    }

    /** Transfers are in parts, several at a time. */
    private S3AsyncClient async(Framing framing, boolean inParts) {
        if (http.equals("s3-crt")) {
            if (!framing.chunked() || !framing.summed()) {
                throw new Protocol.Cannot("frames no body by choice");
            }
            return S3AsyncClient.crtBuilder().endpointOverride(endpoint).region(Region.US_EAST_1)
                    .forcePathStyle(!virtual).retryConfiguration(retries -> retries.numRetries(0)).build();
        }
        SdkAsyncHttpClient client = http.equals("crt")
                ? AwsCrtAsyncHttpClient.builder().build()
                : NettyNioAsyncHttpClient.builder().tlsTrustManagersProvider(Clients::trusted)
                        .proxyConfiguration(DIRECT).build();
        var builder = S3AsyncClient.builder().httpClient(client).multipartEnabled(inParts);
        settle(builder, framing);
        return builder.build();
    }

    private void settle(S3BaseClientBuilder<?, ?> builder, Framing framing) {
        builder.endpointOverride(endpoint).region(Region.US_EAST_1).forcePathStyle(!virtual);
        builder.serviceConfiguration(S3Configuration.builder().chunkedEncodingEnabled(framing.chunked()).build());
        builder.overrideConfiguration(options -> options.retryStrategy(AwsRetryStrategy.doNotRetry()));
        if (!framing.summed()) {
            builder.requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED);
        }
    }

    /** The same operations, each waited for. */
    private static S3Client blocking(S3AsyncClient client) {
        InvocationHandler handler = (proxy, method, arguments) -> {
            String name = method.getName();
            if (arguments == null || arguments[0] instanceof Consumer || name.endsWith("Paginator")) {
                return InvocationHandler.invokeDefault(proxy, method, arguments);
            }
            if (name.equals("getObjectAsBytes")) {
                return wait(client.getObject((GetObjectRequest) arguments[0], AsyncResponseTransformer.toBytes()));
            }
            if (name.equals("uploadPart")) {
                arguments[1] = AsyncRequestBody.fromBytes(((RequestBody) arguments[1])
                        .contentStreamProvider().newStream().readAllBytes());
                var asynchronous = S3AsyncClient.class.getMethod("uploadPart", method.getParameterTypes()[0], AsyncRequestBody.class);
                return wait((CompletableFuture<?>) asynchronous.invoke(client, arguments));
            }
            var asynchronous = S3AsyncClient.class.getMethod(name, method.getParameterTypes());
            try {
                return wait((CompletableFuture<?>) asynchronous.invoke(client, arguments));
            } catch (InvocationTargetException failure) {
                throw failure.getCause();
            }
        };
        return (S3Client) Proxy.newProxyInstance(
                S3Client.class.getClassLoader(), new Class<?>[] {S3Client.class}, handler);
    }

    private static Object wait(CompletableFuture<?> answer) throws Throwable {
        try {
            return answer.join();
        } catch (CompletionException failure) {
            throw failure.getCause();
        }
    }

    /** The certificate that other languages find in this variable. */
    private static TrustManager[] trusted() {
        String file = System.getenv("SSL_CERT_FILE");
        try {
            var store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null);
            if (file != null) {
                try (InputStream pem = new FileInputStream(file)) {
                    store.setCertificateEntry("server", CertificateFactory.getInstance("X.509").generateCertificate(pem));
                }
            }
            var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            factory.init(store);
            return factory.getTrustManagers();
        } catch (Exception failure) {
            throw new IllegalStateException(failure);
        }
    }
}
