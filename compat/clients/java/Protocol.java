import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.Map;
import java.util.function.Function;

/** One line of JSON on the standard input is answered with one on the standard output. */
final class Protocol {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Map<String, Object> NOTHING = Collections.singletonMap("result", null);

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

    /** How an SDK tells the status and the code of S3's error; empty for other failures. */
    interface Told {
        String of(Throwable failure);
    }

    static void serve(Function<String, Command> commands, Told errors) throws IOException {
        var input = new InputStreamReader(System.in, StandardCharsets.UTF_8);
        try (var lines = new BufferedReader(input)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                System.out.write(JSON.writeValueAsBytes(answer(commands, errors, line)));
                System.out.write('\n');
                System.out.flush();
            }
        }
    }

    private static Map<String, Object> answer(Function<String, Command> commands, Told errors, String line) {
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
            return Map.of("failed", told(failure, errors));
        }
    }

    /** The status and code of S3's error, and the texts of all causes. */
    private static String told(Throwable failure, Told errors) {
        var text = new StringBuilder();
        for (Throwable each = failure; each != null; each = each.getCause()) {
            text.append(errors.of(each)).append(' ').append(each).append('\n');
        }
        return text.toString();
    }
}
