import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.function.Function;
import software.amazon.awssdk.awscore.exception.AwsServiceException;

/** One line of JSON on the standard input is answered with one on the standard output. */
final class Protocol {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** A request's words, by name; those that were left out are null. */
    record Words(Map<String, String> all) {
        String get(String name) {
            return all.get(name);
        }

        boolean has(String name) {
            return all.containsKey(name);
        }

        int number(String name) {
            return Integer.parseInt(all.get(name));
        }
    }

    interface Command {
        Object run(Words words) throws Exception;
    }

    /** Why the client has no means for a command. */
    static final class Cannot extends RuntimeException {
        Cannot(String reason) {
            super(reason);
        }
    }

    private Protocol() {}

    static void serve(Function<String, Command> commands) throws IOException {
        var input = new InputStreamReader(System.in, StandardCharsets.UTF_8);
        try (var lines = new BufferedReader(input)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                System.out.write(JSON.writeValueAsBytes(answer(commands, line)));
                System.out.write('\n');
                System.out.flush();
            }
        }
    }

    private static Map<String, Object> answer(Function<String, Command> commands, String line) {
        try {
            var words = new Words(JSON.readValue(line, new TypeReference<>() {}));
            Command command = commands.apply(words.get("command"));
            if (command == null) {
                return Map.of("cannot", "has no " + words.get("command"));
            }
            Object result = command.run(words);
            return result == null ? NOTHING : Map.of("result", result);
        } catch (Cannot reason) {
            return Map.of("cannot", reason.getMessage());
        } catch (Throwable failure) {
            return Map.of("failed", told(failure));
        }
    }

    private static final Map<String, Object> NOTHING =
            java.util.Collections.singletonMap("result", null);

    /** The status and code of S3's error, and the texts of all causes. */
    private static String told(Throwable failure) {
        var text = new StringBuilder();
        for (Throwable each = failure; each != null; each = each.getCause()) {
            if (each instanceof AwsServiceException answered) {
                text.append(answered.statusCode()).append(' ');
                if (answered.awsErrorDetails() != null) {
                    text.append(answered.awsErrorDetails().errorCode()).append(' ');
                }
            }
            text.append(each).append('\n');
        }
        return text.toString();
    }
}
