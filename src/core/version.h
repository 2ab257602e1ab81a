/* The version of the library and of every program. */
#ifndef THM_VERSION_H
#define THM_VERSION_H

#define THM_VERSION "0.1.0"

#endif
