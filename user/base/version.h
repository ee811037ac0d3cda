/* The version that --version prints and the node of every report carries. */
#pragma once

#define VERSION_MAJOR 0
#define VERSION_MINOR 1
#define VERSION_PATCH 0

#define VERSION_TEXT_(major, minor, patch) #major "." #minor "." #patch
#define VERSION_TEXT_OF(major, minor, patch) VERSION_TEXT_(major, minor, patch)
#define VERSION VERSION_TEXT_OF(VERSION_MAJOR, VERSION_MINOR, VERSION_PATCH)
