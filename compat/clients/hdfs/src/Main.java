import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.apache.hadoop.hdfs.MiniDFSNNTopology;
import org.apache.hadoop.hdfs.server.namenode.NameNodeAdapter;

/**
 * An HDFS in one process, until the standard input ends.
 *
 * The arguments are its folder, the number of its namenodes (1, or 2 of which the first is active), and settings as
 * key=value. It says "ready" and the URLs of the namenodes. Each line of the input is a command, answered with "done".
 */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws Exception {
        Configuration settings = new HdfsConfiguration();
        for (int at = 2; at < arguments.length; at++) {
            String[] pair = arguments[at].split("=", 2);
            settings.set(pair[0], pair[1]);
        }
        int namenodes = Integer.parseInt(arguments[1]);
        var builder = new MiniDFSCluster.Builder(settings, new File(arguments[0])).numDataNodes(1);
        if (namenodes > 1) {
            builder.nnTopology(MiniDFSNNTopology.simpleHATopology(namenodes));
        }
        try (MiniDFSCluster cluster = builder.build()) {
            if (namenodes > 1) {
                cluster.transitionToActive(0);
            }
            cluster.waitActive();
            var ready = new StringBuilder("ready");
            for (int number = 0; number < namenodes; number++) {
                ready.append(' ').append(cluster.getHttpUri(number));
            }
            say(ready.toString());
            serve(cluster);
        }
    }

    private static void serve(MiniDFSCluster cluster) throws Exception {
        var input = new InputStreamReader(System.in, StandardCharsets.UTF_8);
        try (var lines = new BufferedReader(input)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                switch (line) {
                    case "enter safe mode" -> NameNodeAdapter.enterSafeMode(cluster.getNameNode(0), false);
                    case "leave safe mode" -> NameNodeAdapter.leaveSafeMode(cluster.getNameNode(0));
                    case "change over" -> {
                        cluster.transitionToStandby(0);
                        cluster.transitionToActive(1);
                    }
                    default -> throw new IllegalArgumentException(line);
                }
                say("done");
            }
        }
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
