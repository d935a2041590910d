/* What the loader refuses: where, and with which sentence; and what it makes of
 * the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/scenario.h"

static char path[64];

static int make_file(void **state)
{
    (void)state;
    snprintf(path, sizeof(path), "/tmp/bester-test-play-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 || close(fd) != 0;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static enum status load(struct scenario *scenario, const char *text, struct mistake *mistake)
{
    struct scenario_options options = {.deadline_s = 5};
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return scenario_load(scenario, path, &options, mistake);
}

/* A play around one part; the part stands on line 2. */
#define CAST                                                                                   \
    "\"servers\":{\"J\":{},\"K\":{}},\"peers\":{\"P\":{}},\"handlers\":{\"S\":{\"on\":\"J\"}," \
    "\"R\":{\"on\":\"J\",\"run\":\"x\"},\"B\":{\"on\":\"J\",\"run\":\"x\",\"startedBy\":"      \
    "\"server\"}},"                                                                            \
    "\"clients\":{\"T\":\"J\",\"G\":\"K\"}"
#define STEPS(steps) "{" CAST ",\"steps\":[\n" steps "]}"
#define GUESTS(steps)                                                                              \
    "{\"servers\":{\"J\":{}},\"peers\":{\"P\":{}},\"clients\":{\"T\":{\"on\":\"P\",\"run\":\"x\"}" \
    ","                                                                                            \
    "\"U\":{\"on\":\"J\",\"run\":\"x\"},\"I\":{\"on\":\"J\",\"via\":\"informer\"}},\"steps\":["    \
    "\n" steps "]}"
#define NOBODY(steps)                                                                           \
    "{\"servers\":{\"J\":{}},\"peers\":{\"N\":{\"refuses\":true}},\"handlers\":{\"A\":{\"on\":" \
    "\"J\","                                                                                    \
    "\"absent\":true}},\"clients\":{\"T\":\"J\"},\"steps\":[\n" steps "]}"
#define SERVER(member) "{\"servers\": {\"J\": {\n" member "}}, \"steps\": []}"
#define WITH(member) "{\"servers\":{\"J\":{}},\"steps\":[],\n" member "}"

struct row {
    const char *text;
    unsigned line;
    unsigned column;
    const char *sentence; /* part of it */
};

static const struct row rows[] = {
    /* The file. */
    {"", 1, 1, "'[' or '{' expected near end of file"},
    {"{\n  \"play\": x}", 2, 11, "invalid token near 'x'"},
    {"{\"a\": 1,\n\"a\": 2}", 2, 3, "duplicate object key"},
    {"[]", 1, 1, "a play is an object"},
    {"{\"steps\": []}", 1, 1, "no cast"},
    {"{\"servers\": {\"J\": {}}}", 1, 1, "no \"steps\""},
    {WITH("\"play\": 5"), 2, 1, "\"play\" wants a text"},
    {WITH("\"stpes\": 5"), 2, 1, "no member \"stpes\" here; there are note, play, "},
    {WITH("\"deadlineMs\": 0"), 2, 1, "\"deadlineMs\" wants a whole number from 1 to "},
    /* The cast. */
    {WITH("\"clients\": []"), 2, 1, "\"clients\" wants an object"},
    {WITH("\"clients\": {\"T\": \"X\"}"), 2, 13, "wants the name of a server"},
    {WITH("\"clients\": {\"J\": \"J\"}"), 2, 13, "\"J\" is in the cast already"},
    {WITH("\"clients\": {\"a b\": \"J\"}"), 2, 13, "is no name"},
    {WITH("\"clients\": {\"T\": {\"on\": \"J\", \"usr\": \"x\"}}"), 2, 30, "no member \"usr\""},
    {WITH("\"clients\": {\"T\": {\"on\": \"J\", \"via\": \"tcp\"}}"), 2, 30, "tcp4, tcp6 or unix"},
    {WITH("\"clients\": {\"T\": {\"on\": \"J\", \"logsIn\": 1}}"), 2, 30, "true or false"},
    {WITH("\"handlers\": {\"S\": {}}"), 2, 19, "is \"on\" no server"},
    {WITH("\"handlers\": {\"S\": \"J\"}"), 2, 14, "\"S\" wants an object"},
    {WITH("\"handlers\": {\"S\": {\"on\": [\"J\", \"J\"]}}"), 2, 20, "is on \"J\" already"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"protocol\": \"x\"}}"), 2, 31, "\"oneshot\" or"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"run\": \" \"}}"), 2, 31, "wants a program"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"run\": [1]}}"), 2, 31, "wants a program"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"run\": \"${x}\"}}"), 2, 14, "${x} is neither"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"startedBy\": \"server\"}}"), 2, 31,
        "no \"run\" to start"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"run\": \"x\", \"rules\": []}}"), 2, 43,
        "answers by itself"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"config\": {\"template\": \"${x}\"}}}"), 2, 54,
        "${x} is neither"},
    {WITH("\"peers\": {\"P\": {\"refuse\": true}}"), 2, 17, "no member \"refuse\""},
    {"{\"servers\": {\"J\": {\"listen\": [\"udp\"]}}, \"steps\": []}", 1, 20, "tcp4, tcp6 or unix"},
    {"{\"servers\": {\"J\": {\"listen\": []}}, \"steps\": []}", 1, 20, "wants a list"},
    {"{\"servers\": {\"J\": {\"accounts\": {\"T\": 5}}}, \"steps\": []}", 1, 33, "must be a text"},
    /* Rules. */
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"rules\": {}}}"), 2, 40, "wants a list"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"rules\": [5]}}"), 2, 41, "a rule is an object"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"rules\": [{\"if\": 5}]}}"), 2, 42,
        "no member \"if\""},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"rules\": [{\"reply\": {\"data\": \"<x>\"}}]}}"),
        2, 60, "<x> is not bound here"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"rules\": [{\"when\": {\"close\": true}}]}}"), 2,
        42, "is a pattern of a message"},
    /* Steps. */
    {"{" CAST ",\"steps\":\n5}", 2, 1, "steps are a list"},
    {STEPS("5"), 2, 1, "a step is an object"},
    {STEPS("{}"), 2, 1, "no step"},
    {STEPS("{\"T > X\": {\"type\": \"x\"}}"), 2, 2, "there is no \"X\" in the cast"},
    {STEPS("{\"T >\": {\"type\": \"x\"}}"), 2, 2, "is not of the form \"A > B\""},
    {STEPS("{\"T > J > K\": {\"type\": \"x\"}}"), 2, 2, "is not of the form \"A > B\""},
    {STEPS("{\"T > K\": {\"type\": \"x\"}}"), 2, 2, "\"T\" is on \"J\""},
    {STEPS("{\"T > G\": {\"type\": \"x\"}}"), 2, 2, "never talk to each other"},
    {STEPS("{\"J > J\": {\"type\": \"x\"}}"), 2, 2, "never talk to each other"},
    {STEPS("{\"S > T\": {\"type\": \"x\"}}"), 2, 2, "never talk to each other"},
    {STEPS("{\"J > B\": 1}"), 2, 2, "nobody sees what"},
    {"{\"servers\":{\"J\":{\"pinned\":true},\"K\":{\"pinned\":true}},\"steps\":[\n{\"J > K\": "
     "{}}]}",
        2, 2, "nobody sees what two pinned servers say"},
    {STEPS("{\"T > J\": {\"type\": \"x\",\n\"dta\": 1}}"), 3, 1, "no word \"dta\""},
    {STEPS("{\"T > J\": {\"data\": 1}}"), 2, 2, "no known form"},
    {STEPS("{\"T > J\": {\"type\": \"x\", \"data\": \"<y>\"}}"), 2, 33, "<y> is not bound here"},
    {STEPS("{\"T > J\": {\"type\": \"x\", \"data\": \"<any>\"}}"), 2, 33, "can't be left open"},
    {STEPS("{\"T > J\": {\"type\": \"x\", \"data\": \"<y\"}}"), 2, 33, "is no capture"},
    {STEPS("{\"T > J\": {\"type\": \"x\", \"data\": \"${y}\"}}"), 2, 33, "${y} is neither bound"},
    {STEPS("{\"J > T\": {\"type\": \"<:/(/>\"}}"), 2, 20, "regular expression /(/ is wrong"},
    {STEPS("{\"J > T\": {\"type\": \"<:word>\"}}"), 2, 20, "word is no type"},
    {STEPS("{\"J > T\": {\"silent\": true}}"), 2, 12, "\"silent\" is for actors"},
    {STEPS("{\"T > J\": {\"type\": \"x\"}, \"K > G\": {\"type\": \"x\"}}"), 2, 26,
        "can't stand beside"},
    {STEPS("{\"T > J\": {\"type\": \"x\"}, \"signal\": \"KILL\"}"), 2, 26, "can't stand beside"},
    {STEPS("{\"T > J\": {\"type\": \"x\"}, \"deadlineMs\": \"1\"}"), 2, 26, "a whole number"},
    {STEPS("{\"any order\": [{\"T > J\": {\"type\": \"x\"}}]}"), 2, 16, "that are expected"},
    {STEPS("{\"any order\": [{\"quiet\": [\"T\"]}]}"), 2, 16, "that are expected"},
    {STEPS("{\"repeat\": 0, \"steps\": []}"), 2, 2, "a whole number from 1"},
    {STEPS("{\"repeat\": 2}"), 2, 2, "wants \"steps\""},
    {STEPS("{\"quiet\": []}"), 2, 2, "wants a list of clients"},
    {STEPS("{\"quiet\": [\"J\"]}"), 2, 2, "wants names of clients"},
    {STEPS("{\"kill\": \"T\"}"), 2, 2, "is played by the harness"},
    {STEPS("{\"kill\": \"J\", \"signal\": \"SIGKILL\"}"), 2, 15, "wants KILL, TERM"},
    {STEPS("{\"stop\": \"S\"}"), 2, 2, "is played by the harness"},
    {STEPS("{\"expect\": \"J\"}"), 2, 2, "one of \"exit\", \"log\""},
    {STEPS("{\"expect\": \"J\", \"log\": 5}"), 2, 17, "wants a text"},
    {STEPS("{\"expect\": \"B\", \"exit\": 0}"), 2, 2, "only the server knows"},
    {STEPS("{\"expect\": \"J\", \"log\": \"x\", \"exit\": 0}"), 2, 2, "one of \"exit\", \"log\""},
    {STEPS("{\"expect\": \"R\", \"metrics\": {\"a\": 1}}"), 2, 17, "only servers have"},
    {STEPS("{\"expect\": \"J\", \"metrics\": {}}"), 2, 17, "wants an object"},
    {STEPS("{\"expect\": \"J\", \"metrics\": 5}"), 2, 17, "wants an object"},
    {STEPS("{\"expect\": \"J\", \"metrics\": {\"a b\": 1}}"), 2, 29, "is no metric"},
    {STEPS("{\"expect\": \"J\", \"metrics\": {\"a{b}\": 1}}"), 2, 29, "is no metric"},
    {STEPS("{\"expect\": \"J\", \"metrics\": {\"a\": true}}"), 2, 29, "wants a number"},
    {STEPS("{\"expect\": \"J\", \"metrics\": {\"a\": {}}}"), 2, 29, "wants a number"},
    {STEPS("{\"expect\": \"J\", \"metrics\": {\"a\": {\"~\": 1}}}"), 2, 29, "wants a number"},
    {STEPS("{\"expect\": \"J\", \"metrics\": {\"a\": {\">=\": \"1\"}}}"), 2, 35, "wants a number"},
    {STEPS("{\"expect\": \"J\", \"metrics\": {\"a\": {\"change\": {\"change\": 1}}}}"), 2, 35,
        "wants a number"},
    {STEPS("{\"expect\": \"J\", \"metrics\": {\"a\": \"<x:word>\"}}"), 2, 34, "word is no type"},
    /* Clients of peers, and of informers. */
    {WITH("\"peers\": {\"P\": {}}, \"clients\": {\"T\": \"P\"}"), 2, 33, "is a real program"},
    {WITH("\"peers\": {\"P\": {}}, \"clients\": {\"T\": {\"on\": \"P\"}}"), 2, 33,
        "is a real program"},
    {WITH("\"clients\": {\"I\": {\"on\": \"J\", \"via\": \"informer\", \"user\": \"x\"}}"), 2, 49,
        "who asks an informer has no \"user\""},
    {WITH("\"clients\": {\"I\": {\"on\": \"J\", \"via\": \"informer\", \"rules\": []}}"), 2, 49,
        "who asks an informer has no \"rules\""},
    {GUESTS("{\"T > P\": {\"login\": {\"password\": \"x\"}}}"), 2, 12, "would show in the report"},
    {GUESTS("{\"T > P\": {\"login\": 5}}"), 2, 12, "wants an object"},
    {GUESTS("{\"T > P\": {\"login\": {\"usr\": \"x\"}}}"), 2, 12, "no word \"usr\" in a login"},
    {GUESTS("{\"U > J\": {\"login\": {}}}"), 2, 2, "logs in by itself"},
    {GUESTS("{\"U > P\": {\"type\": \"x\"}}"), 2, 2, "\"U\" is on \"J\""},
    {GUESTS("{\"I > J\": {\"type\": \"x\"}}"), 2, 2, "an informer is asked"},
    {GUESTS("{\"I > J\": {\"command\": \"x\", \"dta\": 1}}"), 2, 28, "no word \"dta\""},
    {GUESTS("{\"J > I\": {\"data\": 1}}"), 2, 2, "an informer answers"},
    {GUESTS("{\"I > J\": {\"command\": \"x\", \"data\": \"<y>\"}}"), 2, 36, "<y> is not bound"},
    /* What else each part of a play may not be. */
    {WITH("\"clients\": {\"T\": {\"on\": \"J\", \"user\": 5}}"), 2, 30, "\"user\" wants a text"},
    {WITH("\"clients\": {\"T\": {\"on\": \"J\", \"password\": \"\"}}"), 2, 30,
        "\"password\" wants a text"},
    {WITH("\"clients\": {\"T\": 5}"), 2, 13, "\"T\" wants an object"},
    {WITH("\"clients\": {\"T\": {}}"), 2, 18, "\"on\" wants the name of a server of the cast"},
    {WITH("\"clients\": {\"T\": {\"on\": \"J\", \"run\": \"x\", \"rules\": []}}"), 2, 42,
        "a real program answers by itself: no \"rules\" beside \"run\""},
    {WITH("\"clients\": {\"T\": {\"on\": \"J\", \"run\": \"x\", \"logsIn\": true}}"), 2, 42,
        "a real program logs in as it likes"},
    {WITH("\"clients\": {\"stdout\": \"J\", \"T\": {\"on\": \"J\", \"run\": \"x\"}}"), 2, 45,
        "where a client is a real program, nobody else can have the name \"std"},
    {WITH("\"clients\": {\"T\": {\"on\": \"J\", \"run\": \"x 'y\"}}"), 2, 30,
        "a quote in \"run\" does not end"},
    {WITH("\"clients\": {\"T\": {\"on\": \"J\", \"run\": []}}"), 2, 30,
        "\"run\" wants a program and its arguments, as a text or a list of text"},
    {WITH("\"clients\": {\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\": "
          "\"J\"}"),
        2, 13, "is no name: up to 64 bytes"},
    {WITH("\"clients\": {\"\": \"J\"}"), 2, 13, "is no name: up to 64 bytes"},
    {WITH("\"clients\": {\"T>\": \"J\"}"), 2, 13, "is no name: up to 64 bytes"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"K\"}}"), 2, 20,
        "\"on\" wants the name of a server of the cast"},
    {WITH("\"handlers\": {\"S\": {\"on\": [], \"type\": \"x\"}}"), 2, 19,
        "the handler \"S\" is \"on\" no server"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"type\": 5}}"), 2, 31, "\"type\" wants a text"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"startedBy\": \"me\"}}"), 2, 31,
        "\"startedBy\" wants \"harness\" or \"server\""},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"absent\": \"yes\"}}"), 2, 31,
        "\"absent\" wants true or false"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"config\": []}}"), 2, 31,
        "\"config\" wants an object"},
    {WITH("\"handlers\": {\"J\": {\"on\": \"J\"}}"), 2, 14, "\"J\" is in the cast already"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"via\": \"unix\"}}"), 2, 31,
        "no member \"via\" here"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"rules\": [{\"reply\": 5}]}}"), 2, 42,
        "an object is wanted here"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"rules\": [{\"times\": 0}]}}"), 2, 42,
        "\"times\" wants a whole number from 1 to 1000000"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"rules\": [{\"delayMs\": 0}]}}"), 2, 42,
        "\"delayMs\" wants a whole number from 1 to 600000"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"rules\": [{\"when\": \"<x\"}]}}"), 2, 50,
        "\"<x\" is no capture such as <x> or <x:int>; a text that begins with <"},
    {WITH("\"clients\": {\"T\": {\"on\": \"J\", \"rules\": [{\"when\": {\"data\": 1}}]}}"), 2, 41,
        "no known form: a message has \"type\", a report \"status\", a whole fram"},
    {WITH("\"peers\": {\"P\": {\"refuses\": 1}}"), 2, 17, "\"refuses\" wants true or false"},
    {WITH("\"peers\": {\"P\": {\"unknown\": \"no\"}}"), 2, 17, "\"unknown\" wants true or false"},
    {WITH("\"peers\": {\"J\": {}}"), 2, 11, "\"J\" is in the cast already"},
    {WITH("\"peers\": []"), 2, 1, "\"peers\" wants an object: a name and what it is"},
    {SERVER("\"config\": 5"), 2, 1, "\"config\" wants an object"},
    {SERVER("\"config\": {\"a\": [\"${x}\"]}"), 2, 18,
        "${x} is neither bound here nor a server of the cast"},
    {SERVER("\"accounts\": 5"), 2, 1, "\"accounts\" wants an object"},
    {SERVER("\"port\": 5"), 2, 1, "no member \"port\" here"},
    {SERVER("\"listen\": \"tcp4\""), 2, 1, "\"listen\" wants a list of tcp4, tcp6, unix"},
    {STEPS("{\"together\": [[{\"T > J\": {\"type\": \"x\"}}]]}"), 2, 2,
        "\"together\" wants a list of two or more lists of lines"},
    {STEPS("{\"together\": 5}"), 2, 2, "\"together\" wants a list of two or more lists of lines"},
    {STEPS("{\"together\": [[{\"T > J\": {\"type\": \"x\"}}], []]}"), 2, 43,
        "in \"together\" stand lists of lines"},
    {STEPS("{\"together\": [[{\"T > J\": {\"type\": \"x\"}}], [{\"quiet\": [\"T\"]}]]}"), 2, 44,
        "in the lists of \"together\" stand lines, nothing else"},
    {STEPS("{\"together\": [[{\"T > J\": {\"type\": \"x\"}}], [5]]}"), 2, 44,
        "a step is an object"},
    {STEPS("{\"together\": [[{\"J > T\": {\"type\": \"<a>\"}}], [{\"T > J\": {\"type\": "
           "\"<a>\"}}]]}"),
        2, 65, "<a> is not bound here"},
    {STEPS("{\"never\": {}}"), 2, 2, "\"never\" wants one line: {\"A > B\": …}"},
    {STEPS("{\"never\": 5}"), 2, 2, "\"never\" wants one line: {\"A > B\": …}"},
    {STEPS("{\"never\": {\"quiet\": [\"T\"]}}"), 2, 2, "\"never\" wants one line: {\"A > B\": …}"},
    {STEPS("{\"never\": {\"T > J\": {\"type\": \"x\"}}}"), 2, 12,
        "\"T\" is played by the harness, which says only what the play says"},
    {STEPS("{\"never\": {\"J > T\": {\"type\": \"x\"}, \"K > G\": {\"type\": \"x\"}}}"), 2, 2,
        "\"never\" wants one line: {\"A > B\": …}"},
    {STEPS("{\"any order\": 5}"), 2, 15, "steps are a list"},
    {STEPS("{\"any order\": [{\"J > T\": {\"type\": \"x\"}}], \"signal\": \"KILL\"}"), 2, 43,
        "\"signal\" can't stand beside \"any order\""},
    {STEPS("{\"repeat\": 2, \"steps\": 5}"), 2, 24, "steps are a list"},
    {STEPS("{\"repeat\": \"2\", \"steps\": []}"), 2, 2,
        "\"repeat\" wants a whole number from 1 to 1000000"},
    {STEPS("{\"repeat\": 1, \"steps\": [{\"repeat\": 1, \"steps\": [{\"repeat\": 1, \"steps\": "
           "[{\"repeat\": 1, \"steps\": [{\"repeat\": 1, \"steps\": [{\"repeat\": 1, \"steps\": "
           "[{\"repeat\": 1, \"steps\": []}]}]}]}]}]}]}"),
        2, 168, "steps are nested too deep"},
    {STEPS("{\"quiet\": 5}"), 2, 2, "\"quiet\" wants a list of clients"},
    {STEPS("{\"quiet\": [\"X\"]}"), 2, 2, "there is no \"X\" in the cast"},
    {STEPS("{\"quiet\": [5]}"), 2, 2, "\"quiet\" wants a name of the cast"},
    {STEPS("{\"quiet\": [\"S\"]}"), 2, 2,
        "\"quiet\" wants names of clients that the harness plays"},
    {STEPS("{\"kill\": 5}"), 2, 2, "\"kill\" wants a name of the cast"},
    {STEPS("{\"kill\": \"X\"}"), 2, 2, "there is no \"X\" in the cast"},
    {STEPS("{\"kill\": \"J\", \"signal\": 9}"), 2, 15,
        "\"signal\" wants KILL, TERM, INT, HUP or ABRT"},
    {STEPS("{\"continue\": \"T\"}"), 2, 2,
        "\"T\" is played by the harness and has no process; {\"close\": true} end"},
    {STEPS("{\"start\": \"T\"}"), 2, 2,
        "\"T\" is played by the harness and has no process; {\"close\": true} end"},
    {STEPS("{\"start\": \"B\"}"), 2, 2, "only the server starts its handler"},
    {STEPS("{\"start\": \"J\"}, {\"start\": \"J\"}"), 2, 18, "\"J\" is started already"},
    {STEPS("{\"start\": \"J\", \"signal\": \"KILL\"}"), 2, 16,
        "\"signal\" can't stand beside \"start\""},
    {STEPS("{\"restart\": \"T\"}"), 2, 2,
        "\"T\" is played by the harness and has no process; {\"close\": true} end"},
    {STEPS("{\"restart\": \"B\"}"), 2, 2, "only the server starts its handler"},
    {STEPS("{\"restart\": \"J\", \"signal\": \"HUP\"}"), 2, 18, "nobody ends by HUP"},
    {STEPS("{\"restart\": \"P\"}"), 2, 2,
        "\"P\" is played by the harness and has no process; {\"close\": true} end"},
    {STEPS("{\"expect\": \"T\", \"exit\": 0}"), 2, 2,
        "\"T\" is played by the harness and has no process; {\"close\": true} end"},
    {STEPS("{\"expect\": \"X\", \"exit\": 0}"), 2, 2, "there is no \"X\" in the cast"},
    {STEPS("{\"expect\": \"J\", \"exit\": \"<x\"}"), 2, 25,
        "\"<x\" is no capture such as <x> or <x:int>; a text that begins with <"},
    {STEPS("{\"expect\": \"J\", \"log\": \"<:/(/>\"}"), 2, 24,
        "the regular expression /(/ is wrong: Unmatched ( or \\("},
    {STEPS("{\"expect\": \"J\", \"exit\": 0, \"signal\": \"KILL\"}"), 2, 28,
        "\"signal\" can't stand beside \"expect\""},
    {STEPS("{\"T > J\": {\"hex\": \"0g\"}}"), 2, 12, "'g' is no hexadecimal digit"},
    {STEPS("{\"T > J\": {\"hex\": \"0\"}}"), 2, 12, "half a byte is left over"},
    {STEPS("{\"T > J\": {\"hex\": 5}}"), 2, 12, "\"hex\" wants a text"},
    {STEPS("{\"T > J\": {\"raw\": 5}}"), 2, 12, "\"raw\" wants a text"},
    {STEPS("{\"T > J\": {\"text\": 5}}"), 2, 12, "\"text\" wants a text"},
    {STEPS("{\"T > J\": {\"close\": false}}"), 2, 12, "\"close\" wants true"},
    {STEPS("{\"T > J\": {\"silent\": 1}}"), 2, 12, "\"silent\" wants true"},
    {STEPS("{\"T > J\": {\"login\": 5}}"), 2, 12,
        "\"login\" wants an object: {}, or with user, password, features"},
    {STEPS("{\"T > J\": {\"login\": {\"name\": \"x\"}}}"), 2, 12,
        "no word \"name\" in a login: user, password, features"},
    {STEPS("{\"T > J\": 5}"), 2, 2, "an object is wanted here"},
    {STEPS("{\"T > J\": {\"ack\": 1, \"type\": \"x\"}}"), 2, 12,
        "no word \"ack\" beside \"type\" on this line"},
    {STEPS("{\"J > S\": {\"ask\": 1, \"type\": \"x\"}}"), 2, 12,
        "a one-shot handler is told the data alone: only \"ask\" and \"as\" stand"},
    {STEPS("{\"J > S\": {\"ask\": 1, \"as\": 5}}"), 2, 22, "\"as\" wants a text"},
    {STEPS("{\"S > J\": {\"sendClients\": [\"T\"], \"to\": 1}}"), 2, 34,
        "no word \"to\" in an answer: sendClients, sendServers, sendHandler, co"},
    {STEPS("{\"S > J\": {\"answers\": 5, \"data\": 1}}"), 2, 12, "\"answers\" wants a text"},
    {STEPS("{\"P > J\": {\"type\": \"x\", \"from\": 1}}"), 2, 25,
        "no word \"from\" beside \"type\" on this line"},
    {STEPS("{\"P > T\": {\"type\": \"x\"}}"), 2, 2, "\"T\" is on \"J\""},
    {STEPS("{\"T > P\": {\"type\": \"x\"}}"), 2, 2, "\"T\" is on \"J\""},
    {STEPS("{\"T > stdout\": \"x\"}"), 2, 2, "there is no \"stdout\" in the cast"},
    {STEPS("{\"J > T\": {\"type\": \"x\"}, \"deadlineMs\": 0}"), 2, 26,
        "\"deadlineMs\" wants a whole number from 1 to 600000"},
    {STEPS("{\"J > T\": {\"type\": \"x\"}, \"deadlineMs\": 600001}"), 2, 26,
        "\"deadlineMs\" wants a whole number from 1 to 600000"},
    {STEPS("{\"T>J>K\": 1}"), 2, 2, "\"T>J>K\" is not of the form \"A > B\""},
    {STEPS("{\"> J\": 1}"), 2, 2, "\"> J\" is not of the form \"A > B\""},
    {STEPS("{\"note\": 5}, {\"nonsense\": 1}"), 2, 14, "no step; there are \"A > B\", include"},
    {STEPS("{\"T > J\": {\"type\": \"x\", \"data\": \"${fill many}\"}}"), 2, 33,
        "${fill many} is neither ${name} nor ${fill NUMBER}"},
    {STEPS("{\"T > J\": {\"type\": \"x\", \"data\": \"${x\"}}"), 2, 33,
        "a ${ has no }; a literal ${ is written $${"},
    {STEPS("{\"cut\": \"T\"}"), 2, 2, "\"T\" is not of the form \"A > B\""},
    {STEPS("{\"cut\": 5}"), 2, 2, "\"cut\" wants an edge: \"A > B\", or \"A <> B\" for both ways"},
    {STEPS("{\"cut\": \"T > X\"}"), 2, 2, "there is no \"X\" in the cast"},
    {STEPS("{\"cut\": \"T > K\"}"), 2, 2, "\"T\" is on \"J\""},
    {STEPS("{\"cut\": \"T <> G\"}"), 2, 2,
        "\"T\" and \"G\" never talk to each other: one of them must be a server"},
    {STEPS("{\"cut\": \"J > B\"}"), 2, 2,
        "nobody sees what a server and a handler that it starts itself say to"},
    {STEPS("{\"cut\": \"T > J\", \"ms\": 5}"), 2, 18, "no member \"ms\" here"},
    {STEPS("{\"delay\": \"T > J\"}"), 2, 2, "\"delay\" wants \"ms\" beside it"},
    {STEPS("{\"delay\": \"T > J\", \"ms\": 0}"), 2, 20,
        "\"ms\" wants a whole number from 1 to 600000"},
    {STEPS("{\"delay\": \"T > J\", \"ms\": 5, \"times\": 0}"), 2, 29,
        "\"times\" wants a whole number from 1 to 1000000"},
    {STEPS("{\"bandwidth\": \"T > J\"}"), 2, 2, "\"bandwidth\" wants \"bytesPerSecond\" beside it"},
    {STEPS("{\"bandwidth\": \"T > J\", \"bytesPerSecond\": 0}"), 2, 24,
        "\"bytesPerSecond\" wants a whole number from 1 to 1000000000"},
    {STEPS("{\"slow reader\": \"J > T\"}"), 2, 2,
        "\"slow reader\" wants \"bytesPerSecond\" beside it"},
    {STEPS("{\"slow reader\": \"J > T\", \"bytesPerSecond\": -1}"), 2, 26,
        "\"bytesPerSecond\" wants a whole number from 1 to 1000000000"},
    {STEPS("{\"split\": \"T > J\"}"), 2, 2, "\"split\" wants \"at\" beside it"},
    {STEPS("{\"split\": \"T > J\", \"at\": \"each\"}"), 2, 20,
        "\"at\" wants the number of bytes before it, \"any\", or of a split \"every\""},
    {STEPS("{\"split\": \"T > J\", \"at\": 0}"), 2, 20,
        "\"at\" wants a whole number from 1 to 67108864"},
    {STEPS("{\"truncate\": \"T > J\", \"at\": \"every\"}"), 2, 23,
        "\"at\" wants the number of bytes before it, \"any\", or of a split \"every\""},
    {STEPS("{\"truncate\": \"T > J\"}"), 2, 2, "\"truncate\" wants \"at\" beside it"},
    {STEPS("{\"garbage\": \"T > J\", \"at\": 1}"), 2, 22, "no member \"at\" here"},
    {STEPS("{\"wrong length\": \"T > J\"}"), 2, 2, "\"wrong length\" wants \"length\" beside it"},
    {STEPS("{\"wrong length\": \"T > J\", \"length\": 4294967296}"), 2, 27,
        "\"length\" wants what 4 bytes can say: 0 to 4294967295"},
    {STEPS("{\"refuse\": \"J > T\"}"), 2, 2,
        "\"refuse\" wants who connects on the left, and one way"},
    {STEPS("{\"refuse\": \"T <> J\"}"), 2, 2,
        "\"refuse\" wants who connects on the left, and one way"},
    {STEPS("{\"refuse\": \"S > J\"}"), 2, 2,
        "\"refuse\" wants who connects on the left, and one way"},
    {STEPS("{\"refuse\": \"T > J\", \"times\": 2}"), 2, 21, "no member \"times\" here"},
    {STEPS("{\"heal\": \"T > J\"}"), 2, 2, "nothing has disturbed this edge"},
    {STEPS("{\"heal\": 5}"), 2, 2,
        "\"heal\" wants an edge: \"A > B\", or \"A <> B\" for both ways"},
    {STEPS("{\"cut\": \"T > J\", \"signal\": \"KILL\"}"), 2, 18, "no member \"signal\" here"},
    {STEPS("{\"cut\": \"T > J\"}, {\"heal\": \"G > K\"}"), 2, 20,
        "nothing has disturbed this edge"},
    {GUESTS("{\"cut\": \"U > stdout\"}"), 2, 2, "lines can't be disturbed, only frames"},
    {GUESTS("{\"stdin > J\": \"x\"}"), 2, 2,
        "lines go from \"stdin\" to a client that is a real program, and from i"},
    {GUESTS("{\"stdout > U\": \"x\"}"), 2, 2,
        "lines go from \"stdin\" to a client that is a real program, and from i"},
    {GUESTS("{\"U > stdin\": \"x\"}"), 2, 2,
        "lines go from \"stdin\" to a client that is a real program, and from i"},
    {GUESTS("{\"stdin > U\": 5}"), 2, 2,
        "a program reads a line (a text, or {\"json\": …}), or {\"text\": …} or {"},
    {GUESTS("{\"U > stdout\": {\"text\": \"x\"}}"), 2, 2,
        "a program writes a line: a text, or {\"json\": …}"},
    {GUESTS("{\"U > stdout\": \"<x:word>\"}"), 2, 16,
        "word is no type: int, number, string, bool, object, array or /regula"},
    {GUESTS("{\"expect\": \"U\", \"log\": \"x\"}"), 2, 17,
        "what a client writes stands on lines such as \"T > stderr\""},
    {GUESTS("{\"quiet\": [\"U\"]}"), 2, 2,
        "\"quiet\" wants names of clients that the harness plays"},
    {GUESTS("{\"stdin > I\": \"x\"}"), 2, 2,
        "lines go from \"stdin\" to a client that is a real program, and from i"},
    {GUESTS("{\"I > J\": {\"raw\": 5}}"), 2, 12, "\"raw\" wants a text"},
    {GUESTS("{\"T > J\": {\"type\": \"x\"}}"), 2, 2, "\"T\" is on \"P\""},
    {GUESTS("{\"kill\": \"I\"}"), 2, 2,
        "\"I\" is played by the harness and has no process; {\"close\": true} end"},
    {NOBODY("{\"cut\": \"T <> N\"}"), 2, 2, "\"T\" is on \"J\""},
    {NOBODY("{\"cut\": \"J > N\"}"), 2, 2, "nobody is there who could be disturbed"},
    {NOBODY("{\"cut\": \"J > A\"}"), 2, 2, "nobody is there who could be disturbed"},
    {NOBODY("{\"refuse\": \"J > N\"}"), 2, 2, "nobody is there who could be disturbed"},
    {NOBODY("{\"kill\": \"A\"}"), 2, 2,
        "\"A\" is played by the harness and has no process; {\"close\": true} end"},
    /* What one round binds is unknown after the last. */
    {STEPS("{\"repeat\": 2, \"steps\": [{\"J > T\": {\"type\": \"<t>\"}}]},\n"
           "{\"T > J\": {\"type\": \"<t>\"}}"),
        3, 20, "<t> is not bound here"},
};

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct scenario scenario;
        struct mistake mistake = {.text = ""};

        if (load(&scenario, row->text, &mistake) != STATUS_INVALID)
            fail_msg("this should not be taken:\n%s", row->text);
        if (mistake.at.line != row->line || mistake.at.column != row->column ||
            !strstr(mistake.text, row->sentence))
            fail_msg("%s\nis told as %u:%u: %s\nnot as %u:%u: … %s …", row->text, mistake.at.line,
                mistake.at.column, mistake.text, row->line, row->column, row->sentence);
    }
}

/* ---- include ---- */

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* The text, with the name of the play's file where a @ stands. */
static void put_name(const char *text, char *out, size_t cap)
{
    const char *name = strrchr(path, '/') + 1;
    size_t len = 0;

    for (; *text && len + 1 < cap; text++) {
        size_t room = cap - len;
        int n = snprintf(
            out + len, room, "%.*s", *text == '@' ? (int)room : 1, *text == '@' ? name : text);

        len += (size_t)n;
    }
}

/* In a play that includes a file beside it, the mistake stands in either. */
static void test_included_mistakes(void **state)
{
    static const struct {
        const char *step;
        const char *included; /* NULL: there is no such file */
        unsigned column;
        const char *sentence;
    } includes[] = {
        {"{\"include\": 5}", "{}", 2, "an include is {\"include\": \"a file\""},
        {"{\"include\": \"@.part\", \"with\": 5}", "{}", 45, "an include is"},
        {"{\"include\": \"@.part\", \"wiht\": {}}", "{}", 45, "no member \"wiht\" here"},
        {"{\"include\": \"@.part\"}", NULL, 1, "No such file or directory"},
        {"{\"include\": \"@.part\"}", "{", 1, ".part:1:"},
        {"{\"include\": \"@.part\"}", "[]", 1, "is an object with \"steps\""},
        {"{\"include\": \"@.part\"}", "{\"steps\": [\n{\"T > X\": 5}]}", 1,
            ".part:2:2: there is no \"X\" in the cast"},
        {"{\"include\": \"@.part\"}", "{\"steps\": [{\"quiet\": [\"${who}\"]}]}", 1, "${who}"},
        {"{\"include\": \"@.part\"}", "{\"steps\": [{\"include\": \"@.part\"}]}", 1,
            "nested too deep"},
    };
    char part[80];

    (void)state;
    snprintf(part, sizeof(part), "%s.part", path);
    for (size_t i = 0; i < sizeof(includes) / sizeof(includes[0]); i++) {
        char step[200];
        char text[600];
        struct scenario scenario;
        struct mistake mistake = {.text = ""};

        if (includes[i].included) {
            put_name(includes[i].included, text, sizeof(text));
            write_file(part, text);
        }
        put_name(includes[i].step, step, sizeof(step));
        snprintf(text, sizeof(text), "{" CAST ",\"steps\":[\n%s]}", step);
        enum status status = load(&scenario, text, &mistake);
        unlink(part);
        if (status == STATUS_OK)
            fail_msg("this should not be taken:\n%s", text);
        if (mistake.at.line != 2 || mistake.at.column != includes[i].column ||
            !strstr(mistake.text, includes[i].sentence))
            fail_msg("%s\nis told as %u:%u: %s\nnot as 2:%u: … %s …", step, mistake.at.line,
                mistake.at.column, mistake.text, includes[i].column, includes[i].sentence);
    }
}

static void test_no_file(void **state)
{
    struct scenario_options options = {.deadline_s = 5};
    struct scenario scenario;
    struct mistake mistake = {.text = ""};

    (void)state;
    assert_int_equal(scenario_load(&scenario, "/nowhere/at.all", &options, &mistake), STATUS_IO);
    assert_string_equal(mistake.text, "No such file or directory");
}

static void test_cast(void **state)
{
    struct scenario scenario;
    struct mistake mistake = {.text = ""};
    const char *text =
        "{\"play\": \"p\", \"deadlineMs\": 250,"
        "\"servers\": {\"S1\": {\"accounts\": {\"T\": \"secret\"}}, \"S2\": {}},"
        "\"handlers\": {\"chat\": {\"on\": [\"S1\", \"S2\"], \"protocol\": \"stream\"}},"
        "\"clients\": {\"T\": \"S1\", \"L\": \"S1\", \"M\": {\"on\": \"S2\", \"via\": \"unix\"}},"
        "\"steps\": [{\"L > S1\": {\"login\": {}}}, {\"S1 > chat\": 1}, {\"S2>chat\": 2},"
        "{\"chat > S2\": {\"data\": 3}}, {\"M > S2\": {\"raw\": \"x\"}}]}";

    (void)state;
    if (load(&scenario, text, &mistake) != STATUS_OK)
        fail_msg("%u:%u: %s", mistake.at.line, mistake.at.column, mistake.text);
    int s1 = scenario_find(&scenario, "S1", -1);
    int s2 = scenario_find(&scenario, "S2", -1);
    int chat1 = scenario_find(&scenario, "chat", s1);
    int chat2 = scenario_find(&scenario, "chat", s2);
    const struct member *t = &scenario.members[scenario_find(&scenario, "T", -1)];

    assert_true(chat1 >= 0 && chat2 >= 0 && chat1 != chat2);
    assert_string_equal(scenario.members[chat2].handler.type, "chat");
    assert_string_equal(t->client.user, "T");
    assert_string_equal(t->client.password, "secret");
    assert_true(t->client.logs_in);
    assert_false(scenario.members[scenario_find(&scenario, "L", -1)].client.logs_in);
    assert_true(scenario.members[scenario_find(&scenario, "M", -1)].client.logs_in);
    assert_int_equal(
        scenario.members[s2].server.listeners, 1U << TRANSPORT_TCP4 | 1U << TRANSPORT_UNIX);
    /* A handler on several servers is told by the other side of the line. */
    assert_int_equal(scenario.steps.items[1].line.to, chat1);
    assert_int_equal(scenario.steps.items[2].line.to, chat2);
    assert_int_equal(scenario.steps.items[3].line.from, chat2);
    assert_true(scenario.steps.items[3].line.doing);
    assert_false(scenario.steps.items[2].line.doing);
    assert_int_equal(scenario.steps.items[2].line.edge, EDGE_SERVER_STREAM);
    assert_true(scenario.steps.items[2].deadline_s == 0.25);
    scenario_release(&scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_included_mistakes),
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_cast),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
