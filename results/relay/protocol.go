package relay

// # What holds
//
// What a spool has taken is in the log in the end, once, however often any of the
// edge, the queue and the receiving node are killed. The spool keeps each entry
// until the receiving node has committed it and said so; until then it is sent
// again wherever it could have got lost. To append again what is in the log
// already changes nothing there, so that "at least once" becomes "once".
//
// # Messages
//
// An edge numbers the entries of its spool upwards, with gaps, and never uses a
// number twice. A message has some entries that follow each other, and says
//
//	sender  the name of the spool,
//	base    up to where the sender knows that everything is confirmed,
//	prev    up to where the entries before this message went,
//	last    the number of its last entry.
//
// It promises: of all entries of the spool with prev < number <= last none is
// missing here. The promise is what lets a receiver tell a gap in the numbers,
// which is nothing, from a message that the queue has lost.
//
// # Receiving
//
// A receiver commits what it reads in any order. For each sender it knows up to
// where it has everything without a gap: base of any message, and last of a
// message whose prev is not beyond that. Messages further ahead are committed too
// and remembered, in memory, until the gap is closed. Only the number without a
// gap before it is confirmed. Then the messages are deleted: first the log, then
// the confirmation, then the deletion, so that a kill in between leaves work to be
// done again and nothing undone.
//
// A receiver that has just started knows nothing. What another one has confirmed
// before it finds in the queue; where the queue has lost that, the sender's base
// says it.
//
// # Sending
//
// A sender keeps a bounded number of messages in the queue. It asks for the
// confirmation and forgets what is confirmed. It begins again behind the
// confirmed number when messages of its own are neither in the queue nor confirmed.
// It looks for that after the confirmation has not moved for some time, after
// the queue did not answer, and when the confirmation has gone back or away, which
// happens only to a queue that has lost its memory. As long as its messages are
// all there it waits: the receiver is slow or away.
//
// # Who else
//
// Several edges have nothing to do with each other: names differ. An edge that is
// restarted has the name and the numbers of before, and sends again what is not
// confirmed, though it may be in the queue still.
//
// Two receivers at once on one log are correct. Each takes a part of the messages,
// neither has all without a gap, and senders send again until one has. With a log
// for each, an event can be in one of them only: that is not supported.
//
// A receiver whose log was restored from a backup does not get back what was
// confirmed after the backup: edges have forgotten it. What was not confirmed
// comes as always.
//
// Two edges with copies of one spool would take each other's confirmations for
// their own. One that is told of the arrival of what it has not sent takes another
// name and sends everything again, as after the return to an old copy of a
// machine. Two that send at the same time may not notice.
//
// Who can write to the queue but has no key can delay events, and can delete
// messages, which are sent again. A confirmation is signed like a message.
