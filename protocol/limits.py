# SPDX-License-Identifier: LGPL-3.0-or-later
"""A limit on everything that somebody else can make long.

A system that has no limit on a queue has one anyway: the memory of the machine, found at the worst
moment.  Sizes are bytes, durations seconds.
"""

from typing import Final

PROTOCOL_VERSION: Final = 3

# Sizes
CONFIGURATION_BYTES: Final = 16 * 1024 * 1024
"""Largest canonical encoding of a configuration."""
SOURCE_BYTES: Final = 16 * 1024 * 1024
"""Text of all configuration files together."""
TEXTS_INDEXED: Final = 32
"""Texts whose places are known by heart, beside those of the question in hand."""
TEXTS_INDEXED_BYTES: Final = 1024 * 1024
"""Of them together."""
MERGE_IN_LOOP_BYTES: Final = 8 * 1024
"""Texts of at most this length are merged at once: it takes less time than waking a thread."""
MERGE_IN_THREAD_BYTES: Final = 64 * 1024
"""Texts of at most this length are merged in a thread: it takes less time than a process."""
CONFIGURATION_DEPTH: Final = 64
"""Deepest nesting of tables and arrays."""
FRAME_BYTES: Final = CONFIGURATION_BYTES + 1024 * 1024
"""Largest frame from the coordinator to a participant."""
PARTICIPANT_FRAME_BYTES: Final = 1024 * 1024
"""Largest frame from a participant; the socket drops the connection of a larger one."""
DESCRIPTION_BYTES: Final = 512 * 1024
"""Largest description of a module's parameters in Join."""
REASONS_BYTES: Final = 64 * 1024
"""Text of all reasons of one module; the rest is cut, with a mark."""
REASON_BYTES: Final = 4 * 1024
"""Text of one reason."""
REASONS_COUNT: Final = 1000
"""Reasons of one module."""
NAME_LENGTH: Final = 128
"""Characters in the name of a module, a txid or an incarnation."""
ARGUMENTS: Final = 256
"""Load arguments and runtime values of one module, together."""
ARGUMENTS_LENGTH: Final = 128 * 1024
"""Characters in their keys and values, all together."""
SOURCE_LENGTH: Final = 1024
"""Characters that say where a value came from."""
COMMAND_LENGTH: Final = 1000
"""Characters of the command that a client says it is."""
MESSAGE_LENGTH: Final = 1000
"""Characters of the message that goes with a change."""
EDITS_REMEMBERED: Final = 1000
"""Keys of which is remembered which command gave their values; the oldest are forgotten."""
REHEARSAL_END_SECONDS: Final = 0.5
"""What the end of a rehearsal within a change may take of the time that is allowed for it."""
REHEARSAL_SECONDS: Final = 10.0
"""How long the start of an instance for the next rehearsal may take when nobody waits for it."""
REHEARSAL_KEPT_SECONDS: Final = 300.0
"""How long the instance of a rehearsal is kept for the next one."""
REHEARSAL_KEPT_ANSWER_SECONDS: Final = 5.0
"""How long one that was kept may take to answer; then a new one is started."""
REHEARSAL_ANSWER_BYTES: Final = 4 * 1024 * 1024
"""What all modules of a rehearsal say together."""
REPORT_LENGTH: Final = 64 * 1024
"""Characters of what a module tells of its values, or of its state."""

# Counts
SOURCE_FILES: Final = 10_000
"""Files in a configuration directory."""
MEMBERS: Final = 4096
"""Participants that may be joined at once."""
QUEUED_REQUESTS: Final = 256
"""Changes that may wait in line; the next is told that the broker is busy."""
DECISIONS_KNOWN: Final = 1024
"""Decisions kept at hand to answer those in doubt; older ones are answered by a snapshot."""
ATTRIBUTES: Final = 1000
"""Attributes of a broker."""
FOLLOWERS: Final = 64
"""Clients that may follow the log, and that may trace messages, at once."""
CLIENTS: Final = 1024
"""Clients that may be connected at once."""

# Durations
CLIENT_IDLE_SECONDS: Final = 1.0
"""A client that has asked nothing for so long makes room for another, where there is no place."""
SILENT_CONNECTION_SECONDS: Final = 10.0
"""A participant's connection on which nothing has been said for so long gives its place away."""
GUESTS_TURN_SECONDS: Final = 0.005
"""Time that guests have together in one turn of the broker's loop."""
PREPARE_SECONDS: Final = 10.0
"""Default time from a request's arrival to its decision."""
COMMIT_SECONDS: Final = 10.0
"""Time from a decision to the last Applied."""
LONGEST_SECONDS: Final = 86400.0
"""Longest time a client may allow."""
REJOIN_SECONDS: Final = 2.0
"""Time attached participants have to rejoin before a changed start is decided."""
UNDO_AGAIN_SECONDS: Final = 10.0
"""Pause before the undoing of an unconfirmed change, once refused, is tried again."""
SHUTDOWN_SECONDS: Final = 2.0
"""Time modules and an undecided transaction have when the broker is told to stop."""
START_SECONDS: Final = 30.0
"""Time all modules of a starting broker have, together, to come up and vote."""
RESTART_FIRST_SECONDS: Final = 0.1
"""Pause before a dead module is started again; doubles with every death."""
RESTART_LONGEST_SECONDS: Final = 5.0
RESTART_WINDOW_SECONDS: Final = 60.0
"""Deaths older than this are forgotten."""
RESTART_DEATHS: Final = 5
"""This many deaths within the window and the module is given up."""
HISTORY: Final = 1000
"""Decisions, and refused attempts, that the ledger keeps, unless config.history says otherwise."""
CHANGES_SHOWN: Final = 200
"""Keys that differ which the answer to a change lists."""
CHANGED_VALUE_LENGTH: Final = 1000
"""Characters, as JSON, of a value in that list; a longer one is left out."""
UNREAD_SHOWN: Final = 100
"""Keys of a change that nobody reads which it warns of."""
OWNERS_SHOWN: Final = 16
"""Modules that are named with a key that differs."""
LONGEST_HISTORY: Final = 1_000_000
DESCRIPTORS_OWN: Final = 32
"""File descriptors that a broker needs for itself, with some to spare.  Of the rest, clients take
a third, and participants two thirds: two each, for the connection and to watch the process."""
DESCRIPTORS: Final = 65536
"""File descriptors that a broker asks for: three or so for each participant and client."""
PROBES: Final = 4
"""Messages to a participant that does not answer, to find out whether it is there."""
FRAMES_QUEUED: Final = 64
"""Frames that may wait for one participant, or from it."""
LINE_BYTES: Final = 64 * 1024 * 1024
"""One request of the owner on the clients' socket (a load carries whole files)."""
GUEST_LINE_BYTES: Final = 64 * 1024
"""One request of a guest."""
REQUESTS_WAITING_BYTES: Final = 64 * 1024
"""Requests of one client that are read while an earlier one is in work."""
ANSWERS_WAITING_BYTES: Final = 64 * 1024
"""Answers that one client has not read; while there are more, nothing is done for it."""
GUESTS_ANSWERS_BYTES: Final = 2 * CONFIGURATION_BYTES
"""Answers that all guests together have not read; beyond, who reads nothing is let go."""
LOG_LINES: Final = 1000
"""Log lines kept for `flux dmesg`, unless log-ring-size says otherwise."""
LOG_HELD_SECONDS: Final = 0.1
"""How long an agent holds back a line of its log, so as to answer first."""
LONGEST_LOG: Final = 1_000_000
STATUS_LENGTH: Final = 500
"""Characters of what a service manager is told at once."""
NOTIFY_AGAIN_SECONDS: Final = 0.1
"""Pause before a service manager that took nothing is told again."""
NOTIFICATIONS_WAITING: Final = 64
"""Messages that may wait for a service manager; the oldest are dropped."""

# In a Flux instance
CONFIG_READERS: Final = 1024
"""Connections of which is remembered what they read last, to rebase what they load then."""
GATHERED_BYTES: Final = 4 * 1024 * 1024
"""Frames that one message from agent to agent carries up the tree; a longer one goes alone."""
RANK_JOIN_SECONDS: Final = 5.0
"""Time that a change waits for ranks that are online and have no agent yet."""
RANK_REJOIN_SECONDS: Final = 2.0
"""Time after which a rank that is not admitted joins again."""
MODULE_PREPARE_SHARE: Final = 0.8
"""Share of a rank's time to vote that its modules have: the rest is to say who is late."""
MODULE_COMMIT_SECONDS: Final = 5.0
"""Time that each module of a rank has to apply a committed change."""
MODULE_SURVEY_SECONDS: Final = 1.0
"""How long an agent that starts waits to learn by what means its modules are asked."""
MODULE_BACK_SECONDS: Final = 2.0
"""Time that they have to go back where another one refused it."""
PASSED_ON_SECONDS: Final = 3 * (PREPARE_SECONDS + COMMIT_SECONDS)
"""Time that a rank waits for the coordinator's answer to what it has passed on."""
AGENT_START_SECONDS: Final = 60.0
"""Time that an agent has until it serves its rank."""
FLUX_CALL_SECONDS: Final = 10.0
"""Time that Flux's own services have to answer what they answer at once."""
AGENT_PROBE_SECONDS: Final = 0.5
"""Time that an agent that lives has to say so; one that dies says nothing."""
PULSE_SECONDS: Final = 0.25
"""Pause between two words to a rank whose answer is awaited."""

# Checks: commands that vote
CHECKS: Final = 64
"""Commands that are asked about a configuration."""
CHECKS_AT_ONCE: Final = 8
"""Of these run at the same time; the next one begins when one has ended."""
CHECK_SECONDS: Final = 5.0
"""Time that a check has where its `timeout` does not say."""
CHECK_LONGEST_SECONDS: Final = 60.0
"""Longest `timeout`."""
CHECK_SHARE: Final = 0.8
"""Share of a vote's time that checks have: the rest is to say which one is late."""
CHECK_KILL_SECONDS: Final = 1.0
"""Time that a killed check has to be gone, before its verdict is given without that."""
CHECK_OUTPUT_BYTES: Final = 16 * 1024
"""What is kept of a check's stderr; the rest is read and thrown away."""
CHECK_LINES: Final = 100
"""Lines of it that become reasons."""

# Watching
EVENTS: Final = 1000
"""Events that a broker keeps for those who watch; earlier ones are read from the ledger."""
EVENT_REASONS_BYTES: Final = 16 * 1024
"""Characters of the reasons that are kept with one event, the first reason apart."""
METRIC_MODULES: Final = 256
"""Modules that are counted one by one; the others are counted together."""
METRIC_CLIENTS: Final = 16
"""Connections to the socket of the metrics."""
METRIC_REQUEST_BYTES: Final = 8 * 1024
"""One request there."""
METRIC_SECONDS: Final = 5.0
"""Time that such a connection has, from its beginning to its end."""
METRIC_FILES_SECONDS: Final = 10.0
"""The files on disk are looked at for the metrics at most so often."""
TIMELINES: Final = 100
"""Changes whose moments a broker has at hand; also how many a client can ask for at once."""
TIMELINE_MEMBERS: Final = 256
"""Members that are kept of one of them; of more, those that were not well, or the slowest."""
TIMELINE_WRITE_SECONDS: Final = 1.0
"""Pause before the moments of a change are written beside the history, with those that follow."""
TIMELINE_CHANGES: Final = 100
"""Keys that are told of one change."""
TIMELINE_VALUE_LENGTH: Final = 500
"""Characters of one value there, as JSON."""
TIMELINE_COMPARED_BYTES: Final = 4 * CONFIGURATION_BYTES
"""Configurations that are compared for one answer; beyond, it is not told what changed."""
EVENT_RECONNECT_SECONDS: Final = 1.0
"""Pause before `watch --events` tries to reach a broker again that has gone."""
LONGEST_GENERATION: Final = 2**53
"""Largest number that a client may give for a generation; JSON of other languages has no larger."""
AGENT_AWAY_SECONDS: Final = 30.0
"""Time that an agent that has died has to be back, for those who wait for an answer of it."""
AGENT_PING_SECONDS: Final = 2.0
"""How often an agent that is to answer something is asked whether it is there."""
AGENT_STILL_SECONDS: Final = 10.0
"""After so long without a word it stands still, and whoever waits for it is told so."""
FRONT_ANSWER_SECONDS: Final = PASSED_ON_SECONDS + 5.0
"""Time that an agent has to answer what its front has passed on."""
FRONT_CALL_SECONDS: Final = 2.0
"""Time that a front has to take what its agent says; else it is taken for dead."""
FRONT_CHANGES: Final = 1024
"""Changes that may wait at one rank's front."""
FRONT_READERS: Final = 65536
"""Streams of `config.get` at one rank: one for each broker below it, and a few."""
FRONT_HEAD_BYTES: Final = 64 * 1024
"""The fields of a message between front and agent, error texts among them."""
AGENT_LOOK_SECONDS: Final = 1.0
"""Time that an agent has to call on a new front before another agent is started."""
AGENT_END_SECONDS: Final = 25.0
"""Time that an agent has to end in good order when it is told to."""
AGENT_LINGER_SECONDS: Final = 3.0
"""Time that an agent has to end by itself when its broker is gone."""
