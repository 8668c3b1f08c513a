/* The operational log: what the operator has to know about the proxy itself, one line each on stderr. Flows are not logged
 * here but recorded. Thread-safe: a line is one write. Bytes from outside go through str_escape first. */
#ifndef VIADUCT_BASE_LOG_H
#define VIADUCT_BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines above the level are dropped. Default LOG_INFO. The level is the one process-wide setting (atomic). */
void log_set_level(enum log_level level);
enum log_level log_level(void);
const char *log_level_name(enum log_level level);

/* "viaduct: LEVEL: text" (without the level for LOG_INFO); text is one line without the newline. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...)                                                                                                         \
	do {                                                                                                                   \
		if (log_level() >= LOG_DEBUG)                                                                                  \
			log_write(LOG_DEBUG, __VA_ARGS__);                                                                     \
	} while (0)

#endif
