package diag

import "strings"

// CodeDoc says what a code stands for.
type CodeDoc struct {
	Code    Code
	Meaning string
}

// Codes lists every code that weir reports, sorted.
func Codes() []CodeDoc {
	var out []CodeDoc
	for line := range strings.Lines(meanings) {
		code, meaning, _ := strings.Cut(strings.TrimSpace(line), " ")
		out = append(out, CodeDoc{Code(code), meaning})
	}
	return out
}

// meanings has a line for each code.
const meanings = `config.conflict two options of a block contradict each other, or one is without effect beside the other
config.cycle locals, variables or references lead back to themselves
config.doubtful what is written is allowed and most likely not meant
config.duplicate a name is declared twice
config.emptied a file that held something is empty
config.empty the folder holds no configuration
config.empty_file a configuration file holds nothing
config.insecure an option gives up protection, such as checking certificates
config.invalid a block or its condition does not hold
config.invalid_column a column declaration cannot be read
config.invalid_for_each for_each of a block is not what makes instances
config.invalid_name a name has characters that names cannot have
config.invalid_value an option has a value that it cannot have
config.invalid_variable a variable has a value of the wrong type, or one that its validation refuses
config.missing_attribute an option that the block needs is left out
config.missing_label a block lacks a label, such as its type or name
config.missing_variable a variable without a default has no value
config.module_cycle a module includes itself
config.more there are more problems than are told one by one
config.no_host_key an SFTP connection does not say which host key to trust
config.not_found there is no such file or folder
config.not_utf8 a file of the configuration is not UTF-8
config.same_column two columns are read from the same place
config.secret_argument a secret is given in the arguments of the program
config.secret_exposed a secret is used where it would be shown
config.syntax the file is not HCL
config.too_deep brackets or blocks are nested too deeply
config.too_large a file of the configuration is too large
config.unencrypted credentials would be sent without encryption
config.unknown_attribute the block has no such option
config.unknown_block there is no such block here
config.unknown_function there is no such function in the configuration language
config.unknown_plugin there is no such source, decoder, sink or connection
config.unknown_reference a reference names something that does not exist
config.unknown_variable there is no such variable
config.unreadable a file of the configuration cannot be read
config.wrong_connection a connection of another type is named
config.wrong_type a value is of the wrong type
env.certificate the server's certificate cannot be trusted, or an own one cannot be read
env.certificate_refused the server refuses the certificate of this side
env.client_defect a defect in the program came to light over what a server said
env.connection the connection could not be made or broke
env.connection_lost the server ended the connection
env.connection_refused nothing listens at the address
env.credentials_refused the server refuses the credentials
env.disk_full a disk is full
env.early_reply the server answered before all of the request was sent
env.failed something outside the configuration failed
env.file a file cannot be read or written
env.file_exists the file to be written is there already
env.host_key the server's host key cannot be checked
env.host_key_changed the server shows another host key than the one trusted
env.host_key_unknown the server's host key is not among those trusted
env.listing_too_long a listing does not end
env.listing_unreadable a listing cannot be read
env.login_refused the server refuses user name, password or key
env.missing_folder the folder does not exist
env.moved_again files that were moved away would be found again
env.no_common_algorithm client and server have no algorithm in common
env.no_folder the folder cannot be reached
env.no_sftp the server does not offer SFTP
env.no_zone the time zone is not known on this machine
env.not_a_file what is to be written is there already and is no file
env.not_http the server left HTTP for another protocol
env.not_ssh what answers does not speak SSH
env.not_tls what answers does not speak TLS
env.output the output of the process cannot be written
env.output_closed whoever read the output of the process has gone
env.part_file_lost the part of an output file that was committed is gone
env.permission a permission is missing
env.private_key a private key cannot be read
env.redirected the server sends to another address
env.refused the server refuses the command
env.reply_too_large a reply is larger than allowed
env.request_refused the server refuses the request as a whole
env.server_busy the server asks to come back later
env.sessions the server allows no more sessions
env.spool a copy of a remote file cannot be kept
env.spool_limit local copies of remote files would take more room than they may
env.target_taken another sink writes the file at present
env.temp_file a temporary file cannot be made
env.timeout the server did not answer in time
env.tls_refused the server refuses encryption
env.tls_required the server demands encryption
env.tls_session the server demands that data connections resume the control session
env.tls_unavailable the server offers no encryption
env.too_many_files the process may open no more files
env.transfer_cut a transfer ended before its end
env.unavailable the server is not available
env.unknown_host the host name is not known
env.unreachable the host cannot be reached
expr.argument an argument of a function has a value that the function refuses
expr.comment a comment hides a part of an expression
expr.constant a calculation or a number in an expression has no value that can be kept
expr.nullable a value that may be nil is used where none may be
expr.path a path that is computed for a sink cannot be one
expr.sensitive a sensitive value is used where it could be shown
expr.syntax the expression cannot be parsed
expr.too_deep the expression is nested too deeply
expr.too_long the expression is too long
expr.type a value is of a type that does not fit
expr.unknown_function there is no such function in row expressions
expr.unknown_name there is no such field
plan.bad_key what is computed cannot be a key
plan.bad_list what is computed is not a list
plan.cycle steps or pipelines wait for each other
plan.duplicate_field a field is made twice
plan.incomplete a pipeline has no source or no sink
plan.inputs_differ the inputs of a step have different fields
plan.invalid_input a step cannot read what it is wired to
plan.invalid_reference something is not a reference, or names a thing of the wrong kind
plan.invalid_route when and otherwise are combined in a way that has no meaning
plan.loop a pipeline would read what it writes
plan.no_input a step has nothing to read
plan.read_twice two decoders read one source
plan.reserved_name a field has a name with a meaning of its own
plan.same_target two sinks write one place
plan.unknown_field there is no such field
plan.unknown_key the entity has no such key
plan.unknown_reference there is no such step or pipeline
plan.unread nothing reads the step
row.bad_encoding bytes are not text in the character set
row.bad_header the header cannot be read
row.bad_path the path computed from the row is not one
row.bad_quote there is text after the quote that ends a cell
row.bad_value a value cannot be read as its type, or cannot be written
row.charset a note on the character set of a file
row.check_failed a condition of a check step does not hold
row.configuration_changed a step kept the row back and was changed before the file ended
row.duplicate_column the header names a column twice
row.empty there are no rows
row.expression an expression failed for the row
row.group_refused another row of the group was refused, and the group is taken whole or not at all
row.kept_apart the row's keys belong to entities that were separated by hand
row.merge_limit the row's keys belong to more entities than may be merged
row.missing_column the file lacks a declared column
row.nil_condition a condition is nil for the row
row.no_key every key of the row is empty
row.ragged the row has too few or too many cells
row.required a required value is empty
row.too_long the row is longer than allowed
row.undeclared_columns the file has columns that nobody declared
row.unterminated_quote a quoted cell has no end
run.archive a compressed file cannot be read
run.archive_limit a compressed file expands beyond what is allowed
run.bad_body the body of a request cannot be made
run.charset the character set of a file cannot be read
run.configuration_changed a step was changed in the middle of a file
run.decoder_defect a defect in the program came to light over what a file holds
run.failed a pipeline stopped
run.file_back a file that was gone is there again
run.file_changed a file changed while it was being read
run.file_lost a file was gone before all of it was copied
run.file_name files have names that are not taken
run.file_not_moved a file that was read could not be put away
run.file_quarantined a file was refused as a whole
run.file_read the file was read to its end already
run.file_size a file has another size than the server says
run.file_unread a file or folder could not be read in this run
run.file_waiting a file was found and not read
run.files_aside a run ended, but files could not be read and were set aside
run.interrupted a run was interrupted
run.no_such_file there is no such file
run.not_replayed a refused row could not be decoded again
run.overtaken a refused row was not replayed, because a later row of its entity went through
run.rejects how many rows were rejected
run.repeats_changed rows are sent again by another configuration than the one that may have sent them
run.replayed_group replayed rows are grouped by themselves
run.replayed_pieces pieces of expanded rows were replayed as whole rows
run.replayed_together refused rows that were not chosen were replayed with those of their group
run.reply_carries_failures a reply that was taken for ok carries failures and does not say of which rows
run.reply_not_ok the receiver did not take a delivery
run.reply_not_understood a reply cannot be read as the sink's options say
run.request_refused the receiver refuses a request for good
run.request_too_large the receiver takes no request of that size
run.resume reading cannot go on where it ended
run.same_target links make two sinks write one place
run.skipped a pipeline was not run, because one before it failed
run.too_many_rejects more rows were rejected than dead_letter allows
run.too_many_rows a step would keep more rows in memory than allowed
run.too_much_pending more waits for a commit than is kept in memory, and none is possible
run.tree a source has more folders than are looked at
serve.fenced a run did not stop when its pipeline changed, and was left behind
serve.later a pipeline changes when the operation on it has ended
serve.listen the API cannot listen at its address
serve.needs_restart an option takes effect when the server is started again
serve.nothing the folder that is to be served has no pipeline
serve.plan_stale the plan that was to be applied does not fit any more
serve.state a pipeline would orphan or re-key state that is stored
serve.stopping the server is stopping
serve.undeclared pipelines that were served before are not in the configuration
sink.refused the receiver refused a delivery for good
sink.too_large a row alone makes a request that is larger than the receiver takes
state.bad_token what a sink keeps in the state store cannot be read
state.checkpoint a copy of the state store cannot be made
state.damaged the state store is damaged
state.disk_full the disk with the state store is full
state.failed the state store cannot be used
state.format the state store is of another version
state.gone the state folder was deleted, moved away or replaced while it was open
state.locked another process uses the state store
state.missing there is no state store in the folder
state.not_state the folder belongs to something else
state.not_writable the state store cannot be written
state.read_only the state store was opened for reading
state.taken_over another process took the state folder over
state.unusable the folder of the state store cannot be made
test.edit an edit of a test cannot be made
test.error a run failed, or did not fail as was expected
test.expectation an expression of expect does not hold
test.failed a test could not go on
test.ledger the ledger of a run is not the one expected, or does not add up
test.no_crash a run did not come to the point where it was to crash
test.no_disk a test reads or writes files and has no stand-in for the disk
test.no_point a run did not come to the point where the configuration was to change
test.no_runs a test runs nothing
test.no_server no server of a test stands in for a connection
test.no_tests there are no tests
test.order steps of a test cannot follow each other
test.real a test would reach something real
test.secret the value of a sensitive variable was shown
test.unknown_connection a server of a test stands in for a connection that is not declared
test.unknown_server a test names a server or a type of servers that there is not
test.verdict what came of a reload is not what was expected
test.violation a server was sent what a careful client does not send
`
