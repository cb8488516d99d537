import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileRange;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.s3a.S3AFileStatus;
import org.apache.hadoop.mapreduce.TaskAttemptID;
import org.apache.hadoop.mapreduce.lib.output.PathOutputCommitterFactory;
import org.apache.hadoop.mapreduce.task.TaskAttemptContextImpl;
import software.amazon.awssdk.awscore.exception.AwsServiceException;

/** Main ENDPOINT path|virtual: Hadoop's S3A. Words that begin with `fs.` are its settings. */
public final class Main {
    private static final String ATTEMPT = "attempt_200707121733_0001_m_000000_0";
    private static final int ONE_GO = 1 << 20;

    private final URI endpoint;
    private final boolean virtual;
    private final Map<Map<String, String>, FileSystem> known = new HashMap<>();

    private Main(URI endpoint, boolean virtual) {
        this.endpoint = endpoint;
        this.virtual = virtual;
    }

    public static void main(String[] arguments) throws Exception {
        if (System.getenv("SSL_CERT_FILE") != null) {
            trust(java.nio.file.Path.of(System.getenv("SSL_CERT_FILE")));
        }
        var main = new Main(URI.create(arguments[0]), arguments[1].equals("virtual"));
        Protocol.serve(main::command, Main::told);
        // Its pools of threads would keep the program alive.
        System.exit(0);
    }

    /** Java's own way to trust a certificate is a file of its own form. */
    private static void trust(java.nio.file.Path certificate) throws Exception {
        var store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        try (var in = Files.newInputStream(certificate)) {
            store.setCertificateEntry("server", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        var file = java.nio.file.Path.of(System.getProperty("user.home"), "trust.p12");
        try (var out = Files.newOutputStream(file)) {
            store.store(out, "changeit".toCharArray());
        }
        System.setProperty("javax.net.ssl.trustStore", file.toString());
        System.setProperty("javax.net.ssl.trustStorePassword", "changeit");
        System.setProperty("javax.net.ssl.trustStoreType", "PKCS12");
    }

    private static String told(Throwable failure) {
        if (!(failure instanceof AwsServiceException answered)) {
            return "";
        }
        var details = answered.awsErrorDetails();
        return answered.statusCode() + " " + (details == null ? "" : details.errorCode());
    }

    private Protocol.Command command(String name) {
        return switch (name) {
            case "write" -> this::write;
            case "read" -> this::read;
            case "read_at_once" -> this::readAtOnce;
            case "read_vectored" -> this::readVectored;
            case "read_while_it_changes" -> this::readWhileItChanges;
            case "status" -> w -> facts(files(w).getFileStatus(path(w)));
            case "list" -> this::list;
            case "tree" -> this::tree;
            case "mkdirs" -> w -> files(w).mkdirs(path(w));
            case "delete" -> w -> files(w).delete(path(w), w.has("recursive"));
            case "rename" -> w -> files(w).rename(path(w), new Path("s3a", w.get("bucket"), "/" + w.get("target")));
            case "attributes" -> this::attributes;
            case "commit" -> this::commit;
            default -> null;
        };
    }

    private FileSystem files(Protocol.Words w) throws IOException {
        var wanted = new TreeMap<String, String>();
        w.all().forEach((name, value) -> {
            if (name.startsWith("fs.")) {
                wanted.put(name, value);
            }
        });
        wanted.put("bucket", w.get("bucket"));
        FileSystem found = known.get(wanted);
        if (found == null) {
            found = FileSystem.newInstance(URI.create("s3a://" + w.get("bucket")), configuration(w));
            known.put(wanted, found);
        }
        return found;
    }

    private Configuration configuration(Protocol.Words w) {
        var settings = new Configuration();
        settings.set("fs.s3a.endpoint", endpoint.toString());
        settings.set("fs.s3a.endpoint.region", "us-east-1");
        settings.setBoolean("fs.s3a.connection.ssl.enabled", endpoint.getScheme().equals("https"));
        settings.set("fs.s3a.ssl.channel.mode", "default_jsse");
        settings.setBoolean("fs.s3a.path.style.access", !virtual);
        settings.set("fs.s3a.access.key", System.getenv("AWS_ACCESS_KEY_ID"));
        settings.set("fs.s3a.secret.key", System.getenv("AWS_SECRET_ACCESS_KEY"));
        settings.set("fs.s3a.multipart.size", "5M");
        settings.set("fs.s3a.multipart.threshold", "5M");
        settings.set("fs.s3a.buffer.dir", System.getProperty("user.home"));
        settings.setInt("fs.s3a.retry.limit", 1);
        settings.setInt("fs.s3a.attempts.maximum", 1);
        w.all().forEach((name, value) -> {
            if (name.startsWith("fs.")) {
                settings.set(name, value);
            }
        });
        return settings;
    }

    /** Not parsed as a URI, so that a key may have any letter that Hadoop allows. */
    private static Path path(Protocol.Words w) {
        return new Path("s3a", w.get("bucket"), "/" + w.get("key"));
    }

    private Object write(Protocol.Words w) throws IOException {
        try (var out = files(w).create(path(w), !w.has("once"))) {
            Files.copy(java.nio.file.Path.of(w.get("file")), out);
        }
        return null;
    }

    private String read(Protocol.Words w) throws IOException {
        var body = new ByteArrayOutputStream();
        try (var in = files(w).open(path(w))) {
            in.seek(w.has("start") ? w.number("start") : 0);
            byte[] bytes = new byte[ONE_GO];
            for (int count = in.read(bytes); count >= 0; count = in.read(bytes)) {
                body.write(bytes, 0, count);
            }
        }
        return HexFormat.of().formatHex(body.toByteArray());
    }

    private String readAtOnce(Protocol.Words w) throws IOException {
        byte[] bytes = new byte[w.number("length")];
        try (var in = files(w).open(path(w))) {
            in.readFully(w.number("start"), bytes);
        }
        return HexFormat.of().formatHex(bytes);
    }

    private List<String> readVectored(Protocol.Words w) throws Exception {
        var ranges = new ArrayList<FileRange>();
        for (String range : w.get("ranges").split(",")) {
            String[] numbers = range.split("\\+");
            ranges.add(FileRange.createFileRange(Long.parseLong(numbers[0]), Integer.parseInt(numbers[1])));
        }
        var found = new ArrayList<String>();
        try (var in = files(w).open(path(w))) {
            in.readVectored(ranges, ByteBuffer::allocate);
            for (FileRange range : ranges) {
                byte[] bytes = new byte[range.getLength()];
                range.getData().get().get(bytes);
                found.add(HexFormat.of().formatHex(bytes));
            }
        }
        return found;
    }

    /** Read a byte, let another writer replace the object, and read on behind what was fetched. */
    private String readWhileItChanges(Protocol.Words w) throws IOException {
        try (var in = files(w).open(path(w))) {
            in.read();
            write(w);
            byte[] bytes = new byte[w.number("length")];
            in.readFully(w.number("start"), bytes);
            return HexFormat.of().formatHex(bytes);
        }
    }

    private static Map<String, Object> facts(FileStatus status) {
        var facts = new HashMap<String, Object>();
        facts.put("name", status.getPath().getName());
        facts.put("size", status.getLen());
        facts.put("folder", status.isDirectory());
        facts.put("etag", status instanceof S3AFileStatus known ? known.getETag() : null);
        facts.put("version", status instanceof S3AFileStatus known ? known.getVersionId() : null);
        return facts;
    }

    private Object list(Protocol.Words w) throws IOException {
        var found = new ArrayList<Map<String, Object>>();
        for (FileStatus status : files(w).listStatus(path(w))) {
            found.add(facts(status));
        }
        return found;
    }

    private List<String> tree(Protocol.Words w) throws IOException {
        var found = new ArrayList<String>();
        var files = files(w).listFiles(path(w), true);
        while (files.hasNext()) {
            found.add(files.next().getPath().toUri().getPath().substring(1));
        }
        return found.stream().sorted().toList();
    }

    private Object attributes(Protocol.Words w) throws IOException {
        var found = new TreeMap<String, String>();
        files(w).getXAttrs(path(w)).forEach(
                (name, value) -> found.put(name, value == null ? null : new String(value, StandardCharsets.UTF_8)));
        return found;
    }

    /** What a job with one task does: the file is there when the job is committed, and not before. */
    private Object commit(Protocol.Words w) throws Exception {
        Configuration settings = configuration(w);
        settings.set("fs.s3a.committer.name", w.get("committer"));
        settings.set("fs.s3a.committer.uuid", w.get("uuid"));
        settings.setBoolean("fs.s3a.committer.staging.unique-filenames", false);
        settings.set("fs.s3a.committer.staging.tmp.path", "file:" + System.getProperty("user.home") + "/staging");
        settings.set("mapreduce.outputcommitter.factory.scheme.s3a",
                "org.apache.hadoop.fs.s3a.commit.S3ACommitterFactory");
        var attempt = new TaskAttemptContextImpl(settings, TaskAttemptID.forName(ATTEMPT));
        var committer = PathOutputCommitterFactory.createCommitter(path(w), attempt);
        committer.setupJob(attempt);
        committer.setupTask(attempt);
        Path file = new Path(committer.getWorkPath(), "part-00000");
        try (var out = file.getFileSystem(settings).create(file)) {
            Files.copy(java.nio.file.Path.of(w.get("file")), out);
        }
        boolean early = files(w).exists(new Path(path(w), "part-00000"));
        if (w.has("abort")) {
            committer.abortTask(attempt);
            committer.abortJob(attempt, org.apache.hadoop.mapreduce.JobStatus.State.FAILED);
        } else {
            committer.commitTask(attempt);
            committer.commitJob(attempt);
        }
        return Map.of("early", early, "committer", committer.getClass().getSimpleName());
    }
}
