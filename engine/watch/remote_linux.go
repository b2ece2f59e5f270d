package watch

import "syscall"

// remoteName returns the name of the file system of dir when changes may be made
// to it that inotify does not tell of: by other machines, by the host of a
// virtual machine, or by a program that serves it. overlayfs is not among them:
// changes made through it are told, and its lower layers are not to be changed.
func remoteName(dir string) string {
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) != nil {
		return ""
	}
	return remoteType(uint32(st.Type)) //nolint:gosec // a magic number of 32 bits, signed on some machines
}

// remoteType names the types by the magic numbers of linux/magic.h and of each file system.
func remoteType(magic uint32) string {
	switch magic {
	case 0x6969:
		return "nfs"
	case 0x517b, 0xff534d42, 0xfe534d42:
		return "smb"
	case 0x65735546:
		return "fuse"
	case 0x01021997:
		return "9p"
	case 0x786f4256:
		return "vboxsf"
	case 0xbacbacbc:
		return "vmhgfs"
	case 0x7c7c6673:
		return "prl_fs"
	case 0x00c36400:
		return "ceph"
	case 0x5346414f, 0x6b414653:
		return "afs"
	case 0x73757245:
		return "coda"
	case 0x0bd00bd0:
		return "lustre"
	case 0x47504653:
		return "gpfs"
	case 0x01161970:
		return "gfs2"
	case 0x7461636f:
		return "ocfs2"
	case 0x19830326:
		return "beegfs"
	case 0x9fa0:
		return "proc"
	case 0x62656572:
		return "sysfs"
	}
	return ""
}
