/* must_check: marks a function whose result counts. The compiler warns of a call that drops it, and lint refuses that;
 * a cast to void does not help. */
#ifndef ETRN_MUST_CHECK_H
#define ETRN_MUST_CHECK_H

#define MUST_CHECK __attribute__((warn_unused_result))

#endif
